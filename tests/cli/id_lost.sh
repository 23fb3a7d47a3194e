#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An id that was free when a restart looked, and is somebody else's when it is to be had: all is begun anew in
# namespaces, where no id is taken. Who wants no namespaces hears which id it was.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" != inside ]; then
	[ "$(id -u)" = 0 ] || skip "only root may choose ids"
	exec unshare -pf --mount-proc "$0" inside # where nobody else takes ids
fi

# lose OPTION...: a restart stands where it has found all ids free, and that of the sleep is taken.
lose() {
	start a env CAIRN_FAULT=restart.direct:stop "$CAIRN" restart "$@" cairn-a
	until_true eval "[ \"\$(cut -d ' ' -f 3 /proc/$agent/stat)\" = T ]"
	echo $((sleeper - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 600 &
	taker=$!
	[ "$taker" = "$sleeper" ] || fail "got id $taker, not $sleeper"
	kill -CONT "$agent"
}

for _ in {1..300}; do /bin/true; done # so that the ids are above those of who restarts
launch a "sleep 600 & echo \$!; $counter"
sleeper=$answer agent=${pid[a]}
hear a
ask a 1
must 0 'gen-000001' "$CAIRN" checkpoint -n a --kill
ended a 137

lose
ask a 2
kill -0 "$taker" || fail "who has the id was ended"
must 0 'gen-000002' "$CAIRN" checkpoint -n a --kill
ended a 137
kill "$taker"
wait "$taker"

lose --ids direct
ended a 125
must 0 "make process $sleeper: File exists" cat a.err
kill "$taker"
wait "$taker"

# And then where it is free again.
start a "$CAIRN" restart --ids direct cairn-a
ask a 3
tell a 'exit 7'
ended a 7
