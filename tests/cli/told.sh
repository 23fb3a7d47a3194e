#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that has a handler for the signal that ends its leg, and ends by it, has not finished: it goes on
# from its checkpoint.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../lib/coordinators
. "$TESTS/lib/coordinators"

# The program may be gone before the line that would have its trap run.
trap '' PIPE
nudge() {
	{ echo >&"${to[$1]}"; } 2>/dev/null || :
}

# told STATUS: with a handler that ends it so
told() {
	echo "trap 'exit $1' TERM; $counter"
}

job() {
	start job env ${fault:+CAIRN_FAULT=$fault} "$CAIRN" run --exit-contract=htcondor -n job -- bash -c "$(told "$1")"
}

# Slurm signals all processes of a job; the program may be faster than its checkpoint.
for status in 0 7; do
	rm -rf cairn-job
	fault='' job $status
	hear job
	program=$answer
	ask job 1
	must 0 '' "$CAIRN" checkpoint
	ask job 2
	kill -9 "$program"
	ended job 137
	fault=ckpt.captured:1:error job $status
	ask job 2
	kill -TERM "${pid[job]}"
	until grep -q 'the program runs on' job.err; do sleep 0.1; done
	ask job 3
	"$CAIRN" kill -s TERM >/dev/null
	nudge job
	ended job 85
	fault='' job $status
	ask job 2
	tell job 'exit 3'
	ended job 3
	rm job.err
done

# With nothing to go on from it has not finished either.
rm -rf cairn-job
fault=ckpt.captured:1:error job 7
hear job
kill -TERM "${pid[job]}"
until grep -q 'the program runs on' job.err; do sleep 0.1; done
"$CAIRN" kill -s TERM >/dev/null
nudge job
ended job 7
[ ! -e cairn-job/finished ] || fail 'it has finished'

# Under DMTCP's commands.
export PATH="$TESTS/../share/cairn/dmtcp/bin:$PATH"
unset DMTCP_COORD_HOST DMTCP_COORD_PORT
for status in 0 7; do
	dmtcp_coordinator --daemon --exit-on-last -p 0 --port-file port >/dev/null
	DMTCP_COORD_PORT=$(<port)
	export DMTCP_COORD_PORT
	start it dmtcp_launch -j bash -c "$(told "$status")"
	hear it
	ask it 1
	dmtcp_command -bc >/dev/null
	kill -TERM "${pid[it]}"
	# When the agent answers it has passed the signal on; else all has ended. A line that comes before the
	# signal would be a line like any other.
	"$CAIRN" status >/dev/null 2>&1
	nudge it
	ended it $status
	dmtcp_coordinator --daemon --exit-on-last -p 0 --port-file port >/dev/null
	DMTCP_COORD_PORT=$(<port)
	start it ./dmtcp_restart_script.sh -p "$DMTCP_COORD_PORT"
	ask it 2
	tell it 'exit 4'
	ended it 4
	rm -rf ckpt_*
done
coordinators_end
