#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A process whose parent has ended is a child of the agent as the first one is. In a restart another process makes
# both, and ends: however late, the agent does not take them for children of that one.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# It ends when the one that has the other end of its pipe does.
mkfifo hold
launch a -- "(cat hold &); exec 9>hold; $counter"
ask a 1
for count in 2 3 4; do
	must 0 '^2 processes' "$CAIRN" checkpoint --kill -n a
	ended a 137
	start a env CAIRN_FAULT=restart.made:late "$CAIRN" restart -n a cairn-a
	ask a "$count"
	must 0 '' "$CAIRN" status -n a
done
tell a 'exit 3'
ended a 3
