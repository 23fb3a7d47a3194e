#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cairn run steps back over a damaged checkpoint, says so, and never starts anew by itself.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch job -- "$counter"
for n in 1 2; do
	ask job $n
	must 0 '' "$CAIRN" checkpoint
done
must 0 '' "$CAIRN" kill
ended job 137

# One bit, in the middle of the newest.
flip() {
	local image=$1 at byte
	at=$(($(stat -c %s "$image") / 2))
	byte=$(od -An -tu1 -j $at -N 1 "$image")
	printf "%b" "\\x$(printf %x $((byte ^ 4)))" | dd of="$image" bs=1 seek=$at conv=notrunc status=none
}
flip cairn-job/gen-000002/*.img
must 125 'gen-000002.*the one before is .*gen-000001' "$CAIRN" restart cairn-job
start job "$CAIRN" run -n job bash -c "$counter"
ask job 2
grep -q 'gen-000002.*trying the checkpoint before' job.err || fail 'it is not said that one is damaged'
grep -q 'going on from .*/gen-000001' job.err || fail 'it is not said what it goes on from'
must 0 '' "$CAIRN" kill
ended job 137

flip cairn-job/gen-000001/*.img
must 125 'cannot go on .--fresh starts anew.: no usable checkpoint' "$CAIRN" run -n job false
must 1 'gen-000001' "$CAIRN" verify cairn-job/gen-000001
must 0 '' "$CAIRN" run --fresh -n job true
