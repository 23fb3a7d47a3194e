#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A checkpoint on a full disk fails with a reason; program and last checkpoint are unharmed, and the next
# one with room again succeeds.
set -euo pipefail

if [ "${1:-}" != inside ]; then
	private=(unshare -m)
	[ "$(id -u)" = 0 ] || private=(unshare -Ur -m)
	if ! "${private[@]}" true 2>/dev/null; then
		echo "no mount namespace here"
		exit 77
	fi
	exec "${private[@]}" "$0" inside
fi

fail() {
	echo "$*"
	"$CAIRN" kill -n full >/dev/null 2>&1
	exit 1
}

# The program squares numbers: it answers as long as it is well.
alive() {
	echo "$1" >&"${program[1]}"
	read -r -t 20 answer <&"${program[0]}" || fail "the program is silent"
	[ "$answer" = $(($1 * $1)) ] || fail "the program says $answer"
}

cd "$TMPDIR"
mkdir disk
mount -t tmpfs -o size=16m none disk
# shellcheck disable=SC2016 # for the inner shell
coproc program { exec "$CAIRN" launch -n full -d "$PWD/disk/ck" -- bash -c '
	ballast=$(head -c 3000000 /dev/urandom | base64 -w 0)
	while read -r x; do echo $((x * x)); done'; }
alive 3
"$CAIRN" checkpoint -n full >/dev/null || fail "the first checkpoint"
head -c 16m /dev/zero >disk/ballast 2>/dev/null && fail "the disk is not full"
for i in 4 5; do
	if said=$("$CAIRN" checkpoint -n full 2>&1); then
		fail "a checkpoint on a full disk succeeded"
	fi
	[[ $said == *"No space left on device"* ]] || fail "the reason is: $said"
	[ "$(echo disk/ck/*)" = disk/ck/gen-000001 ] || fail "left over: $(echo disk/ck/*)"
	alive $i
done
"$CAIRN" verify disk/ck >/dev/null || fail "the last checkpoint was damaged"
rm disk/ballast
"$CAIRN" checkpoint -n full >/dev/null || fail "a checkpoint with room again"
"$CAIRN" verify disk/ck >/dev/null || fail "the second checkpoint is damaged"
alive 6
"$CAIRN" kill -n full >/dev/null
