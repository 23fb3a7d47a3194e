#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What fork has left to parent and child in common is so still after a checkpoint, also of small ones.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# KiB that the child has for itself.
own() {
	awk '/^Private_Dirty:/ { n += $2 } END { print n }' "/proc/$child/smaps_rollup"
}

mkfifo never
cat >script <<END
x=\$(head -c 150000 /dev/zero | base64 -w 0)
(read -r x <>never) &
echo \$! >id
$counter
END
launch a -- 'exec sh ./script'
ask a 1
read -r child <id
before=$(own)
must 0 '2 processes' "$CAIRN" checkpoint -n a
after=$(own)
[ "$after" -lt $((before + 100)) ] || fail "the child has $after KiB for itself, and had $before"
ask a 2
must 0 '' "$CAIRN" kill -n a
