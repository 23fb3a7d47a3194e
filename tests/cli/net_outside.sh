#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A TCP connection with outside stops a checkpoint, or is reset at the restart; a port that is taken is named.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
[ -x "$python" ] || skip "$python is not installed"

# Listens on port $1, says which, and stays until its input ends.
cat >listen.py <<'END'
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
print(s.getsockname()[1], flush=True)
sys.stdin.read()
END
# With "net", whether the connection on descriptor 5 still stands.
# shellcheck disable=SC2016 # for the shell inside
connected='exec 5<>/dev/tcp/127.0.0.1/PORT || exit 1; echo $$; n=0
	while read -r l; do case $l in exit*) exit ${l#exit };;
	net) IFS= read -r -u 5 x 2>said; grep -o "reset by peer" said;; *) n=$((n+1)); echo $n;; esac; done'

start server "$python" listen.py $((20000 + $$ % 10000))
hear server
port=$answer
launch a -d a -- "${connected/PORT/$port}"
ask a 1
must 1 "descriptor 5: a TCP connection with 127.0.0.1:$port, which is outside" "$CAIRN" checkpoint -n a
ask a 2
tell a 'exit 3'
ended a 3

launch b -d b --net-outside close -- "${connected/PORT/$port}"
ask b 1
must 0 'b/gen-000001$' "$CAIRN" checkpoint -n b
ask b 2
tell b 'exit 0'
ended b 0
start b "$CAIRN" restart b
ask b 2
tell b net
hear b
[ "$answer" = "reset by peer" ] || fail "the connection is '$answer'"
ask b 3
tell b 'exit 0'
ended b 0

# What listens outside has its port; then something of the computation's own has it.
leave server
wait "${pid[server]}"
start c "$CAIRN" launch -n c -d c "$python" listen.py "$port"
hear c
must 0 'c/gen-000001$' "$CAIRN" checkpoint -n c --kill
wait "${pid[c]}"
start server "$python" listen.py "$port"
hear server
must 125 "TCP port 127.0.0.1:$port is taken by process ${pid[server]}" "$CAIRN" restart c
leave server
wait "${pid[server]}"
must 0 '' "$CAIRN" restart c
exit 0
