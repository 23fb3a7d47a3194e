#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An id that was free when a restart began, and that somebody has taken before it came to use it: most are gone in a
# moment, and it waits for that.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip 'only root gets ids back directly'
launch a -- "$counter"
agent=${pid[a]}
ask a 1
must 0 '' "$CAIRN" checkpoint --kill -n a
ended a 137
start a env CAIRN_FAULT=restart.placed:late CAIRN_IDS=direct "$CAIRN" restart -n a cairn-a
# By then it has looked, and its agent has the id that it had.
until kill -0 "$agent" 2>/dev/null; do kill -0 "${pid[a]}" || fail 'the restart has ended'; done
# Where the restart was faster it has the id itself.
"$programs/taker" "${root[a]}" || echo 'not taken'
ask a 2
tell a 'exit 3'
ended a 3
