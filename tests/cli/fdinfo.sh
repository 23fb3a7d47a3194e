#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that is just looking at one of its descriptors: waited for, then refused by name, its own or another's.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016
launch a -- 'exec 5</proc/self/fdinfo/0; echo $$; n=0
	while read -r l; do exec 5<&-; n=$((n+1)); echo $n; done'
must 1 "descriptor 5 is '/proc/${root[a]}/fdinfo/0'.* when it has been closed" "$CAIRN" checkpoint
ask a 1
must 0 'gen-000001$' "$CAIRN" checkpoint
leave a
wait "${pid[a]}"

# shellcheck disable=SC2016
launch b -- 'exec 5</proc/$PPID/fdinfo/0; echo $$; n=0
	while read -r l; do exec 5<&-; n=$((n+1)); echo $n; done'
must 1 "descriptor 5 is '/proc/[0-9]+/fdinfo/0'.* when it has been closed" "$CAIRN" checkpoint
ask b 1
must 0 'gen-000001$' "$CAIRN" checkpoint
leave b
wait "${pid[b]}"
