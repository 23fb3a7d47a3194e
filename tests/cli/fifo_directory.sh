#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program's directory of FIFOs has gone at the restart, as Open MPI's mpirun removes its own at the end.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -- "mkdir -p room/inner; mkfifo room/inner/door; exec 7<>room/inner/door; echo kept >&7; $counter"
ask a 1
must 0 '' "$CAIRN" checkpoint --kill -n a
ended a 137
rm -r room
start a "$CAIRN" restart -n a cairn-a
ask a 2
[ -p room/inner/door ] || fail "the FIFO is not there again"
said=$(timeout 60 head -n 1 room/inner/door)
[ "$said" = kept ] || fail "something else was in the FIFO"
tell a 'exit 0'
ended a 0
