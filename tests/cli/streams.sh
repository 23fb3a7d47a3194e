#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that had a terminal as all of its standard streams, one open file, is restarted with three different ones:
# each goes to its own. What the program has redirected itself stays so.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

command -v script >/dev/null || skip 'no script(1)'
mkfifo tick
cat >program <<'END'
while [ ! -e stop ]; do echo >>count; read -rt 0.01 <>tick; done
read -r line; echo "answer $line"; echo error >&2
(echo joined >&2) 2>&1
END
# at_terminal FILE COMMAND...: with a terminal as its input, output and errors, which is FILE outside
at_terminal() {
	local out=$1
	shift
	timeout 60 script -qec "$*" /dev/null </dev/null >"$out" 2>&1
}
for turn in 1 2; do
	rm -f stop count
	at_terminal terminal "$CAIRN launch -n a -d ck bash program" &
	grows count
	must 0 '' "$CAIRN" checkpoint -n a --kill
	wait $!
	# In a file, in another terminal, in files again.
	[ $turn = 1 ] || {
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
done
