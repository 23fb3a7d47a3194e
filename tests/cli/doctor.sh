#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What would stop a checkpoint of a process: found by trying, named, and the process runs on.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -- "$counter"
must 0 "process ${root[a]}, and what is below it, can be checkpointed" "$CAIRN" doctor "${root[a]}"
must 0 'can be checkpointed' "$CAIRN" doctor a
must 0 '"checkpointable": true' "$CAIRN" doctor --json a
ask a 1
must 0 '' "$CAIRN" checkpoint -n a
must 0 'gen-000001 can be restarted here' "$CAIRN" doctor cairn-a
ask a 2
tell a 'exit 0'
ended a 0

# A descriptor that cannot be brought back; a process that is not there.
launch b -- "exec 5<>/dev/net/tun || exec 5</dev/kmsg || exec 5</dev/mem; $counter" 2>/dev/null
if [ -e "/proc/${root[b]}/fd/5" ]; then
	must 1 "process ${root[b]} cannot be checkpointed now: .*descriptor 5" "$CAIRN" doctor b
	must 0 '"checkpointable": false' bash -c "'$CAIRN' doctor --json b; exit 0"
fi
ask b 1
tell b 'exit 0'
ended b 0
must 1 "cannot be restarted here: .*no-such" "$CAIRN" doctor no-such
must 2 'one process, computation or checkpoint' "$CAIRN" doctor a b
