#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# io_urings with requests in flight: SIGKILL of the agent while threads are sent into the kernel for them; they
# go on as if nothing had been.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

live a uring_busy "no io_uring here"
died=0
for point in $(seq 1 3 120); do
	must 0 '' env CAIRN_FAULT="remote.*:$point" "$CAIRN" adopt -n a "$program"
	if "$CAIRN" checkpoint -n a >said 2>&1 </dev/null; then
		must 0 '' "$CAIRN" quit -n a
	else
		died=$((died + 1))
	fi
	live_answers a
done
echo "the agent died $died times"
[ $died -gt 10 ] || fail "it died $died times only"
must 0 '' "$CAIRN" adopt -n a "$program"
must 0 '' "$CAIRN" checkpoint -n a
must 0 '' "$CAIRN" kill -n a
leave a
# An orphan since its first agent died: its end is there when whoever has it by now has taken it.
timeout 60 tail -s 0.01 --pid="$program" -f /dev/null || fail "$program does not end"
# In a container there may be none: said before anything is there.
must 125 'it has an io_uring, and none can be had here' \
	"$programs/filtered" "$CAIRN" restart -n b cairn-a
gone 'a restart where there is no io_uring'
start b "$CAIRN" restart -n b cairn-a
live_answers b
printf g >&"${to[b]}"
ended b 0
