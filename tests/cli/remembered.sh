#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What was said at launch of connections with outside and of processes that cannot be traced holds after a
# restart as well, unless that is told otherwise.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
[ -x "$python" ] || skip "$python is not installed"

start server "$python" -c 'import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
sys.stdin.read()'
hear server
# With "net", connects to it.
# shellcheck disable=SC2016 # for the shell inside
connects='echo $$; n=0; while read -r l; do case $l in exit*) exit ${l#exit };;
	net) exec 5<>/dev/tcp/127.0.0.1/PORT;; esac; n=$((n+1)); echo $n; done'

connected() {
	tell "$1" net
	hear "$1"
	[ "$answer" = "$2" ] || fail "$1 says $answer, not $2"
}

launch a -d dir --net-outside close --ignore-uncontrolled -- "${connects/PORT/$answer}"
must 0 gen-000001 "$CAIRN" checkpoint -n a --kill
ended a 137
start a "$CAIRN" restart dir
connected a 1
must 0 gen-000002 "$CAIRN" checkpoint -n a
must 0 '"net_outside": "close"' cat dir/gen-000002/manifest.json
must 0 '"ignore_uncontrolled": true' cat dir/gen-000002/manifest.json
tell a 'exit 3'
ended a 3

start a env CAIRN_IGNORE_UNCONTROLLED=0 "$CAIRN" restart --net-outside refuse dir/gen-000001
ask a 1
must 0 gen-000003 "$CAIRN" checkpoint -n a
! grep -E 'net_outside|ignore_uncontrolled' dir/gen-000003/manifest.json || fail "the restart was told otherwise"
connected a 2
must 1 'a TCP connection with 127.0.0.1:[0-9]*, which is outside' "$CAIRN" checkpoint -n a
tell a 'exit 4'
ended a 4
leave server
wait "${pid[server]}"
