#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A checkpoint under dmtcp_launch has a plain file for each process, there as soon as it is complete: each of them
# restarts it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTS/lib/coordinators"
export PATH="$TESTS/../share/cairn/dmtcp/bin:$PATH"
unset DMTCP_COORD_HOST DMTCP_COORD_PORT
script="sleep 600 & ${counter/case \$l in/case \$l in drop) kill \$!; wait \$! ;;}"

files() {
	local found
	found=$(find . -maxdepth 1 -type f -name 'ckpt_*.dmtcp' | sed 's,_[^_]*$,,' | sort | tr '\n' ' ')
	[ "$found" = "$1" ] || fail "the files are '$found', not '$1'"
}

# Nobody need ask for those of a checkpoint that comes by itself; the script comes last.
must 0 '' dmtcp_coordinator --daemon --exit-on-last -p 0 --port-file port
DMTCP_COORD_PORT=$(<port)
export DMTCP_COORD_PORT
start app dmtcp_launch -j -i 1 bash -c "$script"
hear app
ask app 1
until_true [ -x dmtcp_restart_script.sh ]
files './ckpt_bash ./ckpt_sleep '
must 0 '' dmtcp_command -i 0
must 0 '' dmtcp_command -kc
ended app 137
coordinators_end

# One of them alone still says where the checkpoint is. The next is without the process that has gone since.
mkdir apart
mv ckpt_*.dmtcp apart
must 0 'all is well' "$CAIRN" verify apart/ckpt_bash_*.dmtcp
must 0 '2 processes|processes 2' "$CAIRN" inspect apart/ckpt_sleep_*.dmtcp
start app dmtcp_restart --new-coordinator --port-file port apart/ckpt_sleep_*.dmtcp
ask app 2
DMTCP_COORD_PORT=$(<port)
tell app drop
hear app
must 0 "checkpoints go to '$PWD', not to 'other'" dmtcp_launch -j --ckptdir other true
must 0 '^$' dmtcp_launch -j --ckptdir . true
must 0 '' dmtcp_command -bc
files './ckpt_bash '
tell app 'exit 4'
ended app 4
coordinators_end

# Moved, the script is told where it is. Where it is no more, that is said.
mkdir moved
mv ckpt_bash_*_files moved
must 99 'no checkpoint' ./dmtcp_restart_script.sh
must 4 'finished, with status 4' ./dmtcp_restart_script.sh --restartdir moved
must 4 'finished, with status 4' env DMTCP_RESTART_DIR=moved ./dmtcp_restart_script.sh
must 99 "'apart/ckpt_bash_.*' belongs to the checkpoint in '.*', which is not there" dmtcp_restart apart/ckpt_bash_*.dmtcp
: >apart/empty.dmtcp
must 99 "'apart/empty.dmtcp' names no checkpoint" dmtcp_restart apart/empty.dmtcp
