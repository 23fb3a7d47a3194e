#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cairn run between a batch system and a program: signals, exit statuses, time, the record.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

job() {
	start job "$CAIRN" run -n job "$@" bash -c "$counter"
}

record() {
	grep -qE -- "$1" cairn-job/job.json || {
		cat cairn-job/job.json
		fail "job.json lacks $1"
	}
}

# Each with its status; from one to the next the count goes on.
n=0
for contract in plain:TERM:99 sge:USR2:99 htcondor:USR1:85 plain:XCPU:99; do
	IFS=: read -r name signal status <<<"$contract"
	job "--exit-contract=$name"
	[ $n -gt 0 ] || hear job
	ask job $((n += 1))
	kill -s "$signal" "${pid[job]}"
	ended job "$status"
	record '"state": "stopped"'
done
job --signals HUP,SIGQUIT
ask job $((n += 1))
kill -s HUP "${pid[job]}"
ended job 99
must 2 "wants names like TERM" "$CAIRN" run --signals HUP,NONSENSE true
must 2 "slurm, htcondor" "$CAIRN" run --exit-contract lsf true
must 2 "HH:MM:SS" "$CAIRN" run --walltime soon true
must 2 "auto is for cairn run" "$CAIRN" launch -i auto true

# Two at once: the second waits, and then goes on from where the first has stopped.
job
ask job $((n += 1))
must 125 'running already .pid [0-9]+ on' "$CAIRN" run -n job true
start next "$CAIRN" run -n job --wait 60 bash -c "$counter"
until grep -q 'waiting up to 60 s' next.err; do sleep 0.05; done
kill -s TERM "${pid[job]}"
ended job 99
ask next $((n += 1))

# Its end is known, and near: it stops by itself.
kill -s TERM "${pid[next]}"
ended next 99
job --walltime 00:00:14 --lead 1 --prometheus metrics
ended job 99
grep -q 'this leg ends at .*: checkpoint and stop' job.err || fail 'it is not said why it stops'
grep -q 'cairn_checkpoint_generation{name="job",job=""} [0-9]' metrics || fail 'metrics'
job --lead 1
ask job $((n += 1))
must 0 '"contract": "plain"' "$CAIRN" status --json -n job
must 0 '' "$CAIRN" checkpoint -n job
grep -q 'the lead time of 1 s is too short' job.err || fail 'nothing is said of a lead time too short'
kill -s TERM "${pid[job]}"
ended job 99

# Before it has begun, or where its caller ignores it: a signal counts.
start job bash -c 'trap "" TERM; exec "$@"' - "$CAIRN" run -n job bash -c "$counter"
ask job $((n += 1))
kill -s TERM "${pid[job]}"
ended job 99

# All of the time is used: not again.
job --walltime-total 00:00:01
ask job $((n += 1))
kill -s TERM "${pid[job]}"
ended job 124
record '"state": "used up"'

# To the end.
job --interval auto --mtbf 1 --walltime-total 1:00:00
ask job $((n += 1))
tell job 'exit 3'
ended job 3
record '"state": "finished"'
record '"exit_status": 3'
