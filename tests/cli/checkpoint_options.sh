#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# checkpoint --timeout abandons, --kill ends, --json reports; a program that ends meanwhile.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

has() { # KEY...: each stands in the report, with a number or a text
	local key
	for key; do
		grep -qE "\"$key\": [\"0-9tf{[]" <<<"$said" || fail "no $key"
	done
}

launch a -c zstd:19 -j 1 -- "$heavy"
must 1 'not finished in the time given: .*the program runs on' "$CAIRN" checkpoint --timeout 1
ask a 1
must 1 'no complete checkpoint' "$CAIRN" verify cairn-a
# Abandoned at once, not after it has been written all the same.
until [ -z "$(compgen -G 'cairn-a/*.partial')" ]; do
	kill -0 "${pid[a]}" || fail "the agent has gone"
done
must 0 '0 made, 1 failed' "$CAIRN" status

tell a 'exit 0'
ended a 0

# Ended while its checkpoint is written: the checkpoint is of the instant it was taken.
launch a -c zstd:9 -- "$heavy"
"$CAIRN" checkpoint >said 2>&1 </dev/null &
asking=$!
until [ -n "$(compgen -G 'cairn-a/*.partial/*.img*')" ]; do
	kill -0 $asking 2>/dev/null || break
done
tell a 'exit 8'
wait $asking || fail "the checkpoint was lost: $(cat said)"
ended a 8
no_partial cairn-a
start a "$CAIRN" restart
ask a 1
tell a 'exit 8'
ended a 8

launch b -- "$counter"
must 0 '' "$CAIRN" checkpoint --json
has schema name generation path processes threads image_bytes memory_bytes seconds pause_seconds killed
must 0 '1 made, 0 failed' "$CAIRN" status
must 0 '' "$CAIRN" status --json
has schema name agent root state processes ckpt_dir made
must 0 '' "$CAIRN" list --json
has schema computations checkpoints image_bytes
must 0 '"killed": true' "$CAIRN" checkpoint --kill --json
ended b 137
must 1 'no computation' "$CAIRN" checkpoint
