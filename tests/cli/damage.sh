#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A damaged image, wherever the damage is, is found by verify, named, and never started.
. "$TESTS/cli/counting"
started dam
expect 0 "$cairn" checkpoint -n dam
killed "$agent"
cp -r ckpt good
image=$(basename good/gen-*/*.img)
size=$(stat -c %s "good/gen-000001/$image")

refused() {
	before=$(lines)
	expect 1 "$cairn" verify ckpt
	grep -q "$image" out err || fail "verify does not name the image"
	expect 125 "$cairn" restart -n dam ckpt
	says err "$image"
	[ "$(lines)" = "$before" ] || fail "$1: it was started all the same: $before, $(lines) lines"
	rm -rf ckpt
	cp -r good ckpt
}

# cut short: to nothing, in the header, in the chunks, in each of the tables at the end
for keep in 0 7 63 64 100 $((size / 2)) $((size - 2000)) $((size - 500)) $((size - 100)) $((size - 64)) $((size - 1)); do
	truncate -s "$keep" "ckpt/gen-000001/$image"
	refused "cut to $keep"
done
truncate -s +1 "ckpt/gen-000001/$image"
refused "longer by one"
# single bits: everywhere, and more of them where the tables stand
i=0
while [ $i -lt 24 ]; do
	at=$((i < 12 ? size * i / 12 : size - (i - 11) * 150))
	byte=$(od -An -tu1 -j "$at" -N 1 "ckpt/gen-000001/$image")
	# shellcheck disable=SC2059 # an octal escape
	printf "\\$(printf %o $((byte ^ 1 << i % 8)))" |
		dd of="ckpt/gen-000001/$image" bs=1 seek="$at" conv=notrunc 2>/dev/null
	refused "flipped at $at"
	i=$((i + 1))
done
# another version of the format
printf '\377' | dd of="ckpt/gen-000001/$image" bs=1 seek=8 conv=notrunc 2>/dev/null
expect 125 "$cairn" restart -n dam ckpt
says err version
rm -rf ckpt
cp -r good ckpt
# an image that is not there
rm "ckpt/gen-000001/$image"
expect 125 "$cairn" restart -n dam ckpt
says err "$image"
rm -rf ckpt
cp -r good ckpt
# a generation without manifest is none
rm ckpt/gen-000001/manifest.json
expect 125 "$cairn" restart -n dam ckpt
expect 125 "$cairn" restart -n dam ckpt/gen-000009
# and what was copied whole still runs
rm -rf ckpt
cp -r good ckpt
expect 0 "$cairn" verify ckpt
"$cairn" restart -n dam ckpt 2>launch.err &
agent=$!
goes_on
ended "$agent"
