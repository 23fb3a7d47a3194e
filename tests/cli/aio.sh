#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AIO contexts: SIGKILL of the agent while one is looked at leaves all events in it, and in the program's order.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

contexts=$(dirname "$CAIRN")/tests/live/aio_contexts
each=5 # contexts of that program

alive() {
	printf p >&"${to[$1]}"
	hear "$1"
	[ "$answer" = 'ready 2' ] || fail "$1 says $answer"
}

start a "$CAIRN" launch -n a bash -c "echo \$\$; exec '$contexts'"
hear a
program=$answer
hear a
[ "$answer" = 'ready 2' ] || skip "no AIO here"
must 0 '' "$CAIRN" quit
for point in $(seq $each); do
	must 0 '' env CAIRN_FAULT="aio.begun:$point" "$CAIRN" adopt -n a "$program"
	must 1 'ended before it answered' "$CAIRN" checkpoint -n a
	alive a
done
must 0 '' "$CAIRN" adopt -n a "$program"
must 0 '' "$CAIRN" checkpoint -n a
must 0 '' "$CAIRN" kill -n a
leave a
start b "$CAIRN" restart -n b cairn-a
alive b
printf g >&"${to[b]}"
ended b 0
