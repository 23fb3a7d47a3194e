#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A process that cannot be traced stops a checkpoint; with --ignore-uncontrolled it is left out, with what is
# below it, and to its parent it has been killed after a restart.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
program=$programs/uncontrolled
declare -A child tid below

# begin KEY COMMAND...: it tells its ids.
begin() {
	start "$@"
	meet "$1"
}

meet() {
	hear "$1"
	read -r "root[$1]" "child[$1]" "tid[$1]" "below[$1]" <<<"$answer"
}

# says KEY QUESTION ANSWER
says() {
	tell "$1" "$2"
	hear "$1"
	[ "$answer" = "$3" ] || fail "$1: $2 is '$answer', not '$3'"
}

# From now on somebody else traces thread $1.
trace() {
	start tracer "$program" trace "$1"
	hear tracer
	[ "$answer" = traces ] || skip "tracing is forbidden here"
}

untrace() {
	leave tracer
	wait "${pid[tracer]}"
}

# The whole computation, and what was left out, dies at once.
kill_all() {
	kill -9 "${pid[$1]}" "${root[$1]}" "${child[$1]}" "${below[$1]}" 2>/dev/null
	wait "${pid[$1]}" 2>/dev/null
	leave "$1"
}

# What the parent of one that was left out sees after the restart: told once, its ends closed.
bereaved() {
	says "$1" ends 1
	says "$1" pipe end
	says "$1" sock "$2"
	says "$1" how 'signal 9'
	says "$1" how ended
}

# Refused and named; then taken, once, without the process; it runs on as before.
left_out() {
	local key=$1
	must 1 "process ${child[$key]} .*--ignore-uncontrolled" "$CAIRN" checkpoint -n "$key"
	says "$key" sock 'a byte'
	must 0 "left out: process ${child[$key]} \(uncontrolled\)" \
		"$CAIRN" checkpoint -n "$key" --ignore-uncontrolled
	grep -q '^1 process, ' <<<"$said" || fail "not one process"
	says "$key" sock 'a byte'
	says "$key" how runs
	says "$key" ends 0
	grep -q "left out: process ${child[$key]}" "$key/gen-000001/log" || fail "not in the log"
	grep -q '"uncontrolled"' "$key/gen-000001/manifest.json" || fail "not in the manifest"
	must 0 "\"pid\": ${child[$key]}," "$CAIRN" checkpoint -n "$key" --ignore-uncontrolled --json
}

# A second checkpoint, in which it is a zombie like any other; then twice more from that.
again() {
	local key=$1
	kill_all "$key"
	start "$key" "$CAIRN" restart "$key"
	says "$key" ends 1
	must 0 "$key/gen-000003\$" "$CAIRN" checkpoint -n "$key"
	"$CAIRN" kill -n "$key"
	wait "${pid[$key]}" 2>/dev/null
	leave "$key"
	for _ in 1 2; do
		start "$key" "$CAIRN" restart "$key"
		bereaved "$key" "$2"
		leave "$key"
		wait "${pid[$key]}" || fail "$key ended with $?"
	done
}

# One thread of it, then all of it, is traced by somebody else.
begin thread "$CAIRN" launch -n thread -d thread "$program"
trace "${tid[thread]}"
left_out thread
untrace
must 0 'thread/gen-000003$' "$CAIRN" checkpoint -n thread
says thread sock 'a byte'
rm -r thread/gen-000003
trace "${child[thread]}"
again thread EPIPE
untrace

# Without being asked each time; with --kill, which ends what was left out as well.
begin env env CAIRN_IGNORE_UNCONTROLLED=1 "$CAIRN" run -n env -d env "$program"
trace "${child[env]}"
must 0 "left out: process ${child[env]}" "$CAIRN" checkpoint -n env --kill
wait "${pid[env]}"
leave env
for p in "${child[env]}" "${below[env]}"; do
	state=$(sed 's/.*) //; s/ .*//' "/proc/$p/stat" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ] || [ "$state" = X ] || fail "process $p is in state $state"
done
untrace
start env "$CAIRN" run -n env -d env "$program"
bereaved env EPIPE
leave env
wait "${pid[env]}"

# Adopted, and launched so.
begin adopted "$program"
trace "${child[adopted]}"
must 1 "cannot adopt process ${root[adopted]}: process ${child[adopted]} .*--ignore-uncontrolled" \
	"$CAIRN" adopt "${root[adopted]}" -n adopted
must 0 "will leave out: process ${child[adopted]}" \
	"$CAIRN" adopt --ignore-uncontrolled "${root[adopted]}" -n adopted -d adopted
must 0 "left out: process ${child[adopted]}" "$CAIRN" checkpoint -n adopted
kill_all adopted
untrace
# Nor may others than root trace what has made itself non-dumpable.
[ "$(id -u)" != 0 ] || exit 0
begin hidden "$CAIRN" launch --ignore-uncontrolled -n hidden -d hidden "$program" hidden
must 0 "left out: process ${child[hidden]} .*non-dumpable" "$CAIRN" checkpoint -n hidden
kill_all hidden
start hidden "$CAIRN" restart hidden
bereaved hidden EPIPE
leave hidden
wait "${pid[hidden]}"
