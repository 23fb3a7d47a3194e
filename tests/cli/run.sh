#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cairn run: starts, goes on from the newest checkpoint, remembers the end.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

job() {
	start job "$CAIRN" run -n job "$@" bash -c "$counter"
}

job
hear job
ask job 1
must 125 'running already \(pid [0-9]+ on' "$CAIRN" run -n job true
must 125 'running already' env CAIRN_RUNDIR="$PWD/other" "$CAIRN" run -n job true
must 0 '' "$CAIRN" checkpoint
ask job 2
must 0 '' "$CAIRN" kill
ended job 137

# From the checkpoint, where it had counted to 1.
job
ask job 2
grep -q 'going on from .*/gen-000001' job.err || fail 'it is not said what it goes on from'

# Told to stop: the state that is kept is the last one.
for signal in TERM USR1; do
	kill -s $signal "${pid[job]}"
	ended job 99
	job
	ask job $((answer + 1))
done
tell job 'exit 6'
ended job 6
must 6 'has finished with status 6; --fresh' "$CAIRN" run -n job bash -c "$counter"

job --fresh
hear job
ask job 1
compgen -G 'cairn-job/gen-*' >/dev/null && fail 'old checkpoints are still there'
tell job 'exit 0'
ended job 0
must 0 'has finished' "$CAIRN" run -n job bash -c "$counter"
