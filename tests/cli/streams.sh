#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that had a terminal as all of its standard streams, one open file, is restarted with three different ones:
# each goes to its own. What the program has redirected itself stays so; so does what it has put aside meanwhile.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

command -v script >/dev/null || skip 'no script(1)'
mkfifo tick
# Most of the time it has another file as its input, or its output.
cat >program <<'END'
case $1 in
input) while [ ! -e stop ]; do echo >>count; read -rt 0.01 <>tick; done ;;
output) { while [ ! -e stop ]; do echo >>count; sleep 0.01; done; } >hidden ;;
esac
read -r line; echo "answer $line"; echo error >&2
(echo joined >&2) 2>&1
END
# at_terminal FILE COMMAND...: with a terminal as its input, output and errors, which is FILE outside
at_terminal() {
	local out=$1
	shift
	timeout 60 script -qec "$*" /dev/null </dev/null >"$out" 2>&1
}
# goes_on ASIDE TURN: restarted in files, and in TURN 2 in another terminal before
goes_on() {
	rm -f stop count
	at_terminal terminal "$CAIRN launch -n a -d ck bash program $1" &
	grows count
	must 0 '' "$CAIRN" checkpoint -n a --kill
	wait $!
	[ "$2" = 1 ] || {
		at_terminal terminal "$CAIRN restart -n a ck" &
		grows count
		must 0 '' "$CAIRN" checkpoint -n a --kill
		wait $!
	}
	echo yes | timeout 60 "$CAIRN" restart -n a ck >out 2>errors &
	grows count
	touch stop
	wait $! || fail "it ended with $?: $(cat out errors)"
	[ "$(cat out)" = $'answer yes\njoined' ] || fail "its output is: $(cat out)"
	[ "$(cat errors)" = error ] || fail "its errors are: $(cat errors)"
}

for aside in input output; do
	for turn in 1 2; do
		goes_on $aside $turn
	done
done
