#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several programs under one coordinator of dmtcp_launch, from the same moment on: one checkpoint, one restart.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTS/lib/coordinators"
export PATH="$TESTS/../share/cairn/dmtcp/bin:$PATH" DMTCP_CHECKPOINT_DIR=images DMTCP_COORD_PORT
unset DMTCP_COORD_HOST

# Started at the same moment they are one computation, with a file for each process. All of these name it.
must 0 '' dmtcp_coordinator --daemon -p 0 --port-file port
DMTCP_COORD_PORT=$(<port)
start first dmtcp_launch -j bash -c "$counter"
start second dmtcp_launch -j bash -c "$counter"
start third dmtcp_launch -j bash -c 'echo; (read -r l) <&0; :'
for one in first second third; do hear $one; done
until_true peers 4
[ "$(dmtcp_command -l | grep -c '^[123], bash')" = 3 ] || fail 'not all three are listed'
must 0 '' dmtcp_command -bc
for round in 1 2; do
	set -- images/ckpt_*.dmtcp
	[ "$(find "$@" -type f | wc -l)" = 4 ] || fail "round $round: not one file for each of four processes: $*"
	[ "$(compgen -G 'images/*/gen-*/manifest.json' | wc -l)" = "$round" ] || fail 'not one computation'
	[ "$round" = 2 ] || must 0 '' dmtcp_command -k
	[ "$round" = 2 ] || for one in first second third; do ended $one 137; done
	start both dmtcp_restart -j "$@"
	until_true peers 4
	must 0 '' dmtcp_command -kc
	ended both 137
done
must 0 '' dmtcp_command -q
coordinators_end

# By their names alone, from the directory that they stand in, they are one as well.
rm port
must 0 '' dmtcp_coordinator --daemon -p 0 --port-file port
DMTCP_COORD_PORT=$(<port)
cd images || fail 'no directory'
unset DMTCP_CHECKPOINT_DIR
start both dmtcp_restart -j ckpt_*.dmtcp
until_true peers 4
[ "$(dmtcp_command -l | grep -c '^[0-9], ')" = 3 ] || fail 'restarted more than once'
must 0 '' dmtcp_command -q
ended both 137
cd ..
coordinators_end
