#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Which computation is meant: by option, by variable, the only one, or a list to choose from.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for command in checkpoint status kill quit; do
	must 1 'no computation is running' "$CAIRN" $command
	must 1 "nobody" "$CAIRN" $command -n nobody
done
must 0 'no computation is running' "$CAIRN" list

launch one -- "$counter"
must 0 '^1 process, .* pause .*/cairn-one/gen-000001$' "$CAIRN" checkpoint
launch two -d elsewhere -- "$counter"
must 1 'one.*two|two.*one' "$CAIRN" checkpoint
must 1 'one.*two|two.*one' "$CAIRN" kill
must 0 '/elsewhere/gen-000001$' "$CAIRN" checkpoint -n two
must 0 '/cairn-one/gen-000002$' env CAIRN_NAME=one "$CAIRN" checkpoint
must 0 '/elsewhere/gen-000002$' env CAIRN_NAME=one "$CAIRN" checkpoint -n two
must 0 '^one: running, 1 process' "$CAIRN" status -n one
must 0 'elsewhere' "$CAIRN" list
must 125 'one' "$CAIRN" launch -n one true

# Neither knows of the other.
ask one 1
ask two 1
must 0 '' "$CAIRN" kill -n one
ended one 137
ask two 2
must 0 '' "$CAIRN" checkpoint
tell two 'exit 0'
ended two 0
# The program's environment names directories as well.
must 0 '' env CAIRN_CKPT_DIR=third "$CAIRN" launch -n three true
must 0 'restarted here' "$CAIRN" doctor cairn-one
