#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TCP connections with full queues: a checkpoint that fails, or an agent that dies in it, costs no byte.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
live=$(dirname "$CAIRN")/tests/live

# begin KEY FAULT: net_full below an agent with that fault; it says "ready 2", and checks when told "g".
begin() {
	# shellcheck disable=SC2016 # for the shell inside
	start "$1" env CAIRN_FAULT="$2" "$CAIRN" launch -n "$1" -d "$1" bash -c '"$1"; echo "ended $?"' - \
		"$live/net_full"
	hear "$1"
	[ "$answer" = "ready 2" ] || fail "$1 says '$answer'"
}

# finish KEY: all bytes are there, in order.
finish() {
	tell "$1" g
	hear "$1"
	[ "$answer" = "ended 0" ] || fail "$1 says '$answer'"
	leave "$1"
	wait "${pid[$1]}" 2>/dev/null
}

begin a network.captured:error
must 1 'a failure on purpose' "$CAIRN" checkpoint -n a
must 0 'a/gen-000001$' "$CAIRN" checkpoint -n a
finish a
n=0
for fault in network.grown network.announced network.grown:3 network.captured; do
	n=$((n + 1))
	begin "b$n" "$fault"
	must 1 '' "$CAIRN" checkpoint -n "b$n"
	finish "b$n"
done
exit 0
