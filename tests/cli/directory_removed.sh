#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The checkpoint directory goes away while a checkpoint is written.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -d dir -c zstd:12 -- "$heavy"
"$CAIRN" checkpoint -n a >said 2>&1 </dev/null &
asking=$!
until [ -n "$(compgen -G 'dir/*.partial/*.img*')" ]; do
	kill -0 $asking 2>/dev/null || break
done
rm -rf dir
wait $asking && fail "a checkpoint into nowhere succeeded: $(cat said)"
grep -q 'cairn checkpoint: no checkpoint of .*gen-000001' said || fail "$(cat said)"
ask a 1
must 0 'dir/gen-000001' "$CAIRN" checkpoint
must 0 'all is well' "$CAIRN" verify dir
ask a 2
tell a 'exit 0'
ended a 0
