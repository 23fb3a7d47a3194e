#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program's end is the command's end: exit status, death by signal, and what a shell says of neither.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for status in 0 7 255; do
	must $status '' "$CAIRN" launch sh -c "exit $status"
	must $status '' "$CAIRN" run -n "run$status" sh -c "exit $status"
done
for signal in KILL TERM SEGV; do
	number=$(kill -l $signal)
	must $((128 + number)) '' "$CAIRN" launch sh -c "kill -$signal \$\$"
	# Death by that signal, not an exit status that looks like it: the shell says the signal's name.
	must 0 'Killed|Terminated|Segmentation' bash -c "\"\$@\"; exit 0" - \
		"$CAIRN" launch sh -c "kill -$signal \$\$"
	must $((128 + number)) '' "$CAIRN" run -n "run$signal" sh -c "kill -$signal \$\$"
done

touch plain
must 127 'no-such-program' "$CAIRN" launch no-such-program
must 127 'missing' "$CAIRN" launch ./missing
must 126 'plain' "$CAIRN" launch ./plain
must 126 '' "$CAIRN" launch /
must 127 'no-such-program' "$CAIRN" run -n none no-such-program

launch a -- "$counter"
must 0 '' "$CAIRN" checkpoint -n a --kill
ended a 137
start a "$CAIRN" restart cairn-a
ask a 1
tell a 'exit 9'
ended a 9
start a "$CAIRN" restart cairn-a
ask a 1
must 0 '' "$CAIRN" kill -n a -s TERM
ended a 143
