#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# verify and inspect: a good checkpoint, every kind of damage to one, and names that mean nothing.
set -euo pipefail

fail() {
	echo "$*"
	exit 1
}

# expect STATUS WORDS COMMAND...: the command ends so, and says so.
expect() {
	local status=0 said want=$1 words=$2
	shift 2
	said=$("$@" 2>&1) || status=$?
	[ $status = "$want" ] || fail "$*: status $status, not $want: $said"
	[[ $said == *"$words"* ]] || fail "$*: does not say '$words' but: $said"
}

cd "$TMPDIR"
coproc program { exec "$CAIRN" launch -n look -d "$PWD/ck" -- bash -c 'echo ready; read -r x'; }
read -r -t 20 <&"${program[0]}"
expect 0 "gen-000001" "$CAIRN" checkpoint -n look
expect 0 "gen-000002" "$CAIRN" checkpoint -n look --kill
wait || true

expect 0 "gen-000002: all is well" "$CAIRN" verify ck
expect 0 "gen-000001: all is well" "$CAIRN" verify -d ck ck/gen-000001
image=$(echo ck/gen-000002/*.img)
expect 0 "ok" "$CAIRN" verify "$image"
expect 0 '"ok": true' "$CAIRN" verify --json ck
expect 0 "checkpoint of look" "$CAIRN" inspect ck
expect 0 "[heap]" "$CAIRN" inspect --vmas "$image"
expect 0 "STREAM" "$CAIRN" inspect --fds --threads --files --signals ck
expect 0 "generation 2" "$CAIRN" inspect --log ck
expect 0 '"kept_bytes"' "$CAIRN" inspect --json --vmas ck
for part in . '.images[0].process.pid' '.images[0].fds[0].fd'; do
	[ "$part" = . ] || ! command -v jq >/dev/null ||
		[ "$("$CAIRN" inspect --json --fds ck | jq "$part")" != null ] || fail "no $part"
done

cp -r ck good
printf '\125\252' | dd of="$image" bs=1 seek=5000 conv=notrunc status=none
expect 1 "chunk 0: checksum" "$CAIRN" verify ck
expect 1 "${image##*/}" "$CAIRN" verify ck
expect 1 '"ok": false' "$CAIRN" verify --json ck
expect 1 "chunk 0: checksum" "$CAIRN" verify "$image"
expect 0 "all is well" "$CAIRN" verify ck/gen-000001
cp good/gen-000002/*.img ck/gen-000002/
truncate -s -100 "$image"
expect 1 "truncated" "$CAIRN" verify ck
expect 1 "truncated" "$CAIRN" inspect ck
rm "$image"
expect 1 "No such file" "$CAIRN" verify ck
cp good/gen-000002/*.img ck/gen-000002/1.img
cp good/gen-000002/*.img ck/gen-000002/
expect 1 "'1.img' is not in the manifest" "$CAIRN" verify ck
rm ck/gen-000002/1.img
expect 0 "all is well" "$CAIRN" verify ck
echo '{' >ck/gen-000002/manifest.json
expect 1 "manifest.json" "$CAIRN" verify ck
rm ck/gen-000002/manifest.json
expect 1 "manifest.json" "$CAIRN" verify ck/gen-000002
expect 0 "gen-000001: all is well" "$CAIRN" verify ck

mkdir empty
mkfifo fifo
expect 1 "no complete checkpoint" "$CAIRN" verify empty
expect 1 "no regular file" "$CAIRN" verify fifo
expect 1 "no regular file" "$CAIRN" inspect /dev/null
expect 1 "No such file" "$CAIRN" inspect missing
expect 1 "beside its manifest" "$CAIRN" inspect --log "$(echo good/gen-000001/*.img)"
expect 2 "" "$CAIRN" verify --no-such-option
expect 2 "" "$CAIRN" inspect one two
