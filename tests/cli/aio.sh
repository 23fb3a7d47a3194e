#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AIO contexts: SIGKILL of the agent while one is looked at leaves all events in it, and in the program's order.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

each=5 # contexts of that program

live a aio_contexts "no AIO here"
for point in $(seq $each); do
	must 0 '' env CAIRN_FAULT="aio.begun:$point" "$CAIRN" adopt -n a "$program"
	must 1 'ended before it answered' "$CAIRN" checkpoint -n a
	live_answers a
done
must 0 '' "$CAIRN" adopt -n a "$program"
must 0 '' "$CAIRN" checkpoint -n a
must 0 '' "$CAIRN" kill -n a
leave a
start b "$CAIRN" restart -n b cairn-a
live_answers b
printf g >&"${to[b]}"
ended b 0
