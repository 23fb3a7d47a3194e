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
