#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several launches, one computation: checkpointed in one generation, restarted together, each with its own end.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Counts into a file of its own until there is a file `stop`.
# shellcheck disable=SC2016 # for another shell
steady='echo $$; exec >>counted 2>&1; n=0
	while [ ! -e stop ]; do n=$((n+1)); echo $n; read -rt 0.01 <>tick; done; exit 5'
mkfifo tick

# Nothing lost, nothing twice.
counted_on() {
	cp counted seen
	seq "$(wc -l <seen)" | diff seen - >differ || fail "counted: $(head -n 5 differ)"
}

must 125 'nothing to join: no computation is running' "$CAIRN" launch --join true
launch a -- "$counter"
must 125 "no computation 'b' is running; there is: a" "$CAIRN" launch --join -n b true

# What it starts with is its own caller's; how it ends is how its caller ends.
mkdir -p elsewhere
must 0 '/elsewhere x 0027 77$' env MARK=x bash -c "cd elsewhere; umask 27; ulimit -n 77
	exec '$CAIRN' launch --join -n a bash -c 'echo \$PWD \$MARK \$(umask) \$(ulimit -n)'"
must 9 '' "$CAIRN" launch --join -n a sh -c 'exit 9'
must 143 '' "$CAIRN" launch --join -n a sh -c 'kill $$'
must 0 'Segmentation' bash -c "'$CAIRN' launch --join -n a sh -c 'kill -SEGV \$\$'; exit 0"
must 127 "'no-such-program': command not found" "$CAIRN" launch --join -n a no-such-program
must 126 "cannot start '/': Permission denied" "$CAIRN" launch --join -n a /
must 0 '^in$' bash -c "echo in | '$CAIRN' launch --join -n a cat"
must 0 'with --join only -n counts' "$CAIRN" launch --join -n a -i 5m true
must 0 'with --join only -n counts' "$CAIRN" launch --join -n a -d elsewhere true
said=$(CAIRN_CKPT_DIR=elsewhere "$CAIRN" launch --join -n a true 2>&1)
[ -z "$said" ] || fail "it talks"
echo "echo script \$1" >script
chmod +x script
must 0 '^script 2$' env CAIRN_JOIN=1 "$CAIRN" launch -n a ./script 2

# Signals reach the program, also where it is in another session.
start s setsid "$CAIRN" launch --join -n a bash -c 'trap "echo usr1" USR1; echo on; while :; do read -rt 9 <>tick; done'
hear s
kill -USR1 "${pid[s]}"
hear s
[ "$answer" = usr1 ] || fail "no signal: $answer"
kill -TERM "${pid[s]}"
ended s 143

start b "$CAIRN" launch --join -n a bash -c "$steady"
hear b
root[b]=$answer
ask a 1
grows counted
must 0 '^a: running, 2 processes' "$CAIRN" status -n a
must 0 '^2 processes' "$CAIRN" checkpoint -n a
grows counted
ask a 2
must 0 '^2 processes' "$CAIRN" checkpoint -n a --kill
ended a 137
ended b 137
must 0 '"joined"' "$CAIRN" inspect --json "cairn-a/gen-000002/${root[b]}.img"

# One restart brings back both, twice; it ends when both have ended, as the first did.
for round in 3 4; do
	start a "$CAIRN" restart cairn-a
	grows counted
	ask a $round
	must 0 '^2 processes' "$CAIRN" checkpoint -n a
	[ $round = 4 ] || must 0 '' "$CAIRN" kill -n a
	[ $round = 4 ] || ended a 137
done
tell a 'exit 3'
grows counted # the first has ended; the other runs on, and can be checkpointed
while ! "$CAIRN" status -n a | grep -q ', 1 process,'; do grows counted; done
must 0 '^1 process,' "$CAIRN" checkpoint -n a
counted_on
touch stop
ended a 3
counted_on
rm stop
start a "$CAIRN" restart cairn-a
grows counted
touch stop
ended a 5
counted_on
rm stop counted

# A caller that is killed leaves the program where it belongs; an agent that is killed leaves both running.
launch a -- "$counter"
start b "$CAIRN" launch --join -n a bash -c "$steady"
hear b
kill -KILL "${pid[b]}"
ended b 137
grows counted
must 0 '^a: running, 2 processes' "$CAIRN" status -n a
start c "$CAIRN" launch --join -n a bash -c "$counter"
hear c
# The program may say that it runs before its caller knows: what the agent answers now comes after that.
must 0 '^a: running, 3 processes' "$CAIRN" status -n a
kill -KILL "${pid[a]}"
ended a 137
[ -n "$("$CAIRN" list)" ] || fail "list says nothing"
ended c 1
grep -q 'cairn launch: the agent has ended; the program goes on by itself' c.err || fail "$(cat c.err)"
grows counted
touch stop
