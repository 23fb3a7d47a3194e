#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A signal to the command reaches the program, once.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

check_all() {
	local signal
	for signal in HUP INT QUIT USR1 USR2 TERM ALRM WINCH PIPE; do
		kill -s $signal "${pid[a]}"
		hear a
		[ "$answer" = "$signal" ] || fail "instead of $signal came $answer"
	done
}

start a "$CAIRN" launch -n a "$programs/signalled"
hear a
check_all
must 0 '' "$CAIRN" checkpoint
check_all
must 0 '' "$CAIRN" checkpoint --kill
ended a 137
start a "$CAIRN" restart
ask a here
check_all
# All processes of it, at the user's wish.
must 0 '' "$CAIRN" kill -s USR2
hear a
[ "$answer" = USR2 ] || fail "instead of USR2 came $answer"
tell a 3
ended a 3

# Stopped and continued alone, in a group that is outside of its PID namespace: it stays in that.
[ "$(id -u)" = 0 ] || exit 0 # others cannot make such a namespace
cat >inside <<'END'
"$CAIRN" launch -n b sleep 1000 &
agent=$!
until "$CAIRN" status -n b >/dev/null 2>&1; do sleep 0.01; done
for signal in TSTP CONT; do
	kill -s $signal $agent
	"$CAIRN" status -n b >/dev/null
	group="$group $(ps -o pgid= -p $agent | tr -d ' ')"
done
"$CAIRN" kill -n b
echo "groups:$group"
END
must 0 'groups: 0 0' unshare -pf --mount-proc bash inside
