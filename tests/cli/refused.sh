#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A checkpoint directory that cannot be written: said, nothing lost, the program unharmed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -d dir -- "$counter"
# What a dead agent has left is removed.
mkdir -p dir/gen-000001.partial
echo half >dir/gen-000001.partial/1.img
ask a 1
must 0 'dir/gen-000001$' "$CAIRN" checkpoint
no_partial dir
if [ "$(id -u)" != 0 ]; then
	chmod 500 dir
	must 1 "Permission denied" "$CAIRN" checkpoint
	chmod 700 dir
fi
mv dir aside
touch dir
must 1 "'.*/dir': Not a directory" "$CAIRN" checkpoint
must 0 'last failure: .*Not a directory' "$CAIRN" status
ask a 2
rm dir
mv aside dir
no_partial dir
# The lock of another writer.
exec 9<dir
flock 9
must 1 'another computation is writing' "$CAIRN" checkpoint
exec 9<&-
must 0 'dir/gen-000002$' "$CAIRN" checkpoint
ask a 3
tell a 'exit 2'
ended a 2
must 125 '' "$CAIRN" run -d /proc/nothing true
