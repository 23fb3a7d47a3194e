#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# POSIX message queues that others have open as well, or that somebody is to be told of: refused by name.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

name=/cairn-cli-$$
launch a -- "exec $programs/queues $name"
must 0 'gen-000001$' "$CAIRN" checkpoint
start other "$programs/queues" "$name"
hear other
must 1 "queue '$name' is open in process ${pid[other]} outside" "$CAIRN" checkpoint
ask a 1
leave other
wait "${pid[other]}"
leave a
wait "${pid[a]}"

launch b -- "exec $programs/queues $name notify"
must 1 "is to be told when a message comes to .* '$name' \(mq_notify\)" "$CAIRN" checkpoint
ask b 1
must 0 'gen-000001$' "$CAIRN" checkpoint
leave b
wait "${pid[b]}"
