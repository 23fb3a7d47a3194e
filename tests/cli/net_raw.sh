#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Raw and packet sockets: that a restart may not make them is said before; a ring that has sent is refused.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
[ -x "$python" ] || skip "$python is not installed"
[ "$(id -u)" = 0 ] || skip "only root has raw sockets"
command -v setpriv >/dev/null || skip "setpriv is not installed"

# A raw socket and a packet socket; "send" lets the latter send something through a ring. Each line is counted.
cat >raw.py <<'END'
import mmap, os, socket, struct, sys
SOL_PACKET, VERSION, TX_RING, PAGE = 263, 10, 13, 4096
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 201)
packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
print(os.getpid(), flush=True)
for n, line in enumerate(sys.stdin, 1):
    if line == "send\n":
        packet.setsockopt(SOL_PACKET, VERSION, 1)
        packet.setsockopt(SOL_PACKET, TX_RING, struct.pack("IIII", PAGE, 1, 1024, 4))
        ring = mmap.mmap(packet.fileno(), PAGE)
        packet.bind(("lo", 0x88b6))
        ring[32:92] = b"\0" * 12 + b"\x88\xb6" + b"x" * 46
        ring[0:8] = struct.pack("II", 1, 60)
        packet.send(b"")
    print(n, flush=True)
END

start a "$CAIRN" launch -n a -d a "$python" raw.py
hear a
ask a 1
must 0 'a/gen-000001$' "$CAIRN" checkpoint -n a --kill
wait "${pid[a]}"
must 125 'raw network socket.*CAP_NET_RAW' setpriv --bounding-set=-net_raw "$CAIRN" restart a
must 125 'packet socket.*CAP_NET_RAW' setpriv --bounding-set=-net_raw "$CAIRN" restart a
must 1 'cannot be restarted here: .*CAP_NET_RAW' setpriv --bounding-set=-net_raw "$CAIRN" doctor a
must 0 'can be restarted here' "$CAIRN" doctor a
start a "$CAIRN" restart a
ask a 2
tell a send
hear a
must 1 'descriptor [0-9]* is a packet socket that has sent through a ring' "$CAIRN" checkpoint -n a
ask a 4
leave a
wait "${pid[a]}"
exit 0
