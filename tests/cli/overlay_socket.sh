#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The name of a UNIX socket in an overlay, as containers have it: stat(2) shows another device than the kernel
# tells of the socket. It is there again in the restart.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ $# = 0 ]; then
	mkdir low high work merged
	unshare -Urm mount -t overlay overlay -o lowerdir=low,upperdir=high,workdir=work merged 2>/dev/null ||
		skip "no user namespace with an overlay in it"
	exec unshare -Urm "$0" inside
fi

# For each line that it reads, it connects to itself by that name.
serve='import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("merged/socket")
s.listen()
print("up", flush=True)
for n, line in enumerate(sys.stdin, 1):
    c = socket.socket(socket.AF_UNIX)
    c.connect("merged/socket")
    s.accept()
    print(n, flush=True)'

# Of two file systems.
mount -t tmpfs low low || fail "no tmpfs"
mount -t overlay overlay -o xino=off,lowerdir=low,upperdir=high,workdir=work merged || fail "no overlay"
start a "$CAIRN" launch -n a -d dir -- python3 -c "$serve"
hear a
ask a 1
must 0 'gen-000001' "$CAIRN" checkpoint -n a
must 0 '' "$CAIRN" kill -n a
ended a 137
start a "$CAIRN" restart dir
ask a 2
must 0 '' "$CAIRN" kill -n a
ended a 137
