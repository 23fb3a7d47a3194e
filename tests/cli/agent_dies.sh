#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the agent at every point where it could hurt: the program runs on, nothing half-done counts.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Adopting parks the program as a checkpoint does, so both pass the points that are counted here. Points
# that come late are tried less often.
launch a -- "$counter"
must 0 '' "$CAIRN" quit
count=0 point=1 last=
while [ -z "$last" ]; do
	if CAIRN_FAULT="*:$point" "$CAIRN" adopt -n a "${root[a]}" >said 2>&1 </dev/null; then
		"$CAIRN" checkpoint -n a >said 2>&1 </dev/null && last=$point
	fi
	ask a $((count += 1))
	# A generation that has its name is whole.
	! compgen -G 'cairn-a/gen-??????' >/dev/null || must 0 'all is well' "$CAIRN" verify cairn-a
	point=$((point + 1 + point / 80))
	[ $point -lt 2000 ] || fail "the checkpoint never succeeds: $(cat said)"
done
echo "$last points"
[ "$last" -gt 10 ] || fail "only $last points were passed"
no_partial cairn-a
must 0 'all is well' "$CAIRN" verify cairn-a
must 0 '' "$CAIRN" kill -n a
start a "$CAIRN" restart -n b cairn-a
ask a $count
tell a 'exit 3'
ended a 3
