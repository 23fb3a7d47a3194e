#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The three lines of containers/Containerfile, added to an image; and the installed tree mounted into one that has
# another C library.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

containers
mkdir -p tree/cairn/bin
cp "$TESTS/../containers/Containerfile" tree
cp "$root$inside" tree/cairn/bin
podman build -q --pull=never --network=none --build-arg IMAGE=localhost/cairn-test -t localhost/with-cairn tree \
	>build.out 2>&1 || fail "it is not built: $(cat build.out)"
podman run --rm localhost/with-cairn sh -c 'command -v cairn; cairn --version; echo $CAIRN_CKPT_DIR' >said.out
for line in /opt/cairn/bin/cairn /ckpt; do
	grep -qx $line said.out || fail "the image does not have $line: $(cat said.out)"
done

# No shell in there.
save() {
	until_true "it serves" podman exec box $inside status -n job
	podman exec box $inside checkpoint -n job >"$work/checkpoint.out" 2>&1 || fail "no checkpoint"
}

mkdir -p musl/{bin,lib,proc,dev,sys,tmp,work,ckpt,opt/cairn}
chmod 1777 musl/tmp
musl-gcc -o musl/bin/count "$TESTS/cli/count.c"
cp -L /lib/ld-musl-*.so.1 musl/lib
image=localhost/musl
podman_import musl musl
options=(-v "$TMPDIR/tree/cairn:/opt/cairn:ro")
through "" count 1
