#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# To look at a terminal in packet mode tells its master nothing, and the next checkpoint finds it as the first did.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -- "exec '$programs/packet_terminal'"
for n in 1 2 3; do
	must 0 "gen-00000$n\$" "$CAIRN" checkpoint
	ask a "$n"
done
kill -KILL "${root[a]}"
ended a 137
start b "$CAIRN" restart
ask b 3
must 0 'gen-000004$' "$CAIRN" checkpoint
ask b 4
leave b
wait "${pid[b]}" || fail "b: what was on its way has not come"
