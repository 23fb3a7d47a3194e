#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What processes have in common since they were forked stands in a checkpoint once; verify and inspect say so,
# and that image is missed where it is not as it was.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mib=$((1 << 20))
# A shell that holds 12 MB, and three that were forked from it.
launch a -- "x=\$(head -c 9000000 /dev/urandom | base64 -w 0); mkfifo hold
	for i in 1 2 3; do (read -r y <hold; echo \${#x}) & done; exec 9<>hold; $counter"
ask a 1
must 0 '^4 processes' "$CAIRN" checkpoint --kill -n a
ended a 137

# Four times 12 MB would be 48.
[ "$(du -sb cairn-a/gen-000001 | cut -f 1)" -lt $((20 * mib)) ] || fail "$(ls -l cairn-a/gen-000001)"
must 0 'all is well' "$CAIRN" verify cairn-a
must 0 'in other images' "$CAIRN" inspect cairn-a
must 0 '"common_bytes": [1-9][0-9]{6}' "$CAIRN" inspect --json cairn-a

# All is found missing before anything starts.
first=cairn-a/gen-000001/${root[a]}.img
mv "$first" away
must 125 'No such file' "$CAIRN" restart cairn-a
must 1 'No such file' "$CAIRN" verify cairn-a
cp away "$first"
printf '\125\252' | dd of="$first" bs=1 seek=50000 conv=notrunc status=none
must 125 'is damaged' "$CAIRN" restart cairn-a
must 1 'checksum' "$CAIRN" verify cairn-a
mv away "$first"

start a "$CAIRN" restart -n a cairn-a
ask a 2
must 0 '^4 processes' "$CAIRN" checkpoint -n a
[ "$(du -sb cairn-a/gen-000002 | cut -f 1)" -lt $((20 * mib)) ] || fail "$(ls -l cairn-a/gen-000002)"
for _ in 1 2 3; do
	echo >hold
	hear a
	[ "$answer" = 12000000 ] || fail "a child has $answer characters"
done
tell a 'exit 3'
ended a 3
