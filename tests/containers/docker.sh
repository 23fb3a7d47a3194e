#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A new pid namespace whose first process is cairn, under a filter like Docker's: ids come by cycling; the restart
# is process 1 as the launch was. Signals reach the program, its status comes out, orphans are reaped.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_root
"$programs/dockerlike" true || exit 77
spaces=(unshare --pid --fork --kill-child)
[ "$(id -u)" = 0 ] || spaces+=(--user --map-root-user)
"${spaces[@]}" --mount-proc true 2>/dev/null || skip "no pid namespaces here"

# box ARGUMENTS: cairn as process 1, in the background
box() {
	(
		cd "$work" || exit 1
		exec "${spaces[@]}" --mount-proc setpriv --bounding-set=-all "$programs/dockerlike" \
			"$CAIRN" "$@" >>"$work/box.out" 2>&1
	) &
	box=$!
}

# Its process 1, as seen from here.
first() {
	cat "/proc/$box/task/$box/children"
}

box launch -n box -d "$work/ckpt" /usr/bin/python3 "$TESTS/containers/crew.py"
until_true "it counts" grown 5
for _ in 1 2; do
	"$CAIRN" checkpoint -n box >>"$work/box.out" 2>&1 || fail "no checkpoint"
	kill -9 "$(first)"
	wait "$box"
	box restart -n box "$work/ckpt"
	goes_on
	until_true "it serves" "$CAIRN" status -n box
done
"$CAIRN" status -n box | grep -q 'agent 1,' || fail "cairn is not process 1"
touch "$work/stop"
status=0
wait "$box" || status=$?
ended $status

# What stops a container: SIGTERM to process 1, which passes it on and ends as the program did.
box launch -n box -d "$work/ckpt2" sh -c '(sleep 1000 & echo $! >orphan) & trap "exit 9" TERM; wait; touch up
	while :; do sleep 0.1; done'
until_true "it is up" test -e "$work/up"
kill -TERM "$(first)"
status=0
wait "$box" || status=$?
[ $status = 9 ] || fail "stopped with $status, not 9"
box launch -n box -d "$work/ckpt2" sleep 1000
until_true "it serves" "$CAIRN" status -n box
kill -TERM "$(first)"
status=0
wait "$box" || status=$?
[ $status = 143 ] || fail "without a handler stopped with $status, not 143"
