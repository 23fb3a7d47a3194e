#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A restart that hangs while it rebuilds, wherever: a signal to the command ends it, and all that it had built;
# the next one works. In a job it is what stops the job, to go on from where it was.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Does process $1, or one below it, wait for nothing (pause)?
hangs() {
	local child number='' children=()
	{ read -r number _ <"/proc/$1/syscall" && read -r -a children <"/proc/$1/task/$1/children"; } 2>/dev/null
	[ "$number" != 34 ] || return 0
	for child in "${children[@]}"; do
		! hangs "$child" || return 0
	done
	return 1
}

# until_hung KEY
until_hung() {
	until hangs "${pid[$1]}"; do
		kill -0 "${pid[$1]}" || fail "$1 has ended"
		sleep 0.02
	done
}

# ends POINT IDS SIGNAL STATUS
ends() {
	start r env --default-signal=INT,QUIT "CAIRN_FAULT=restart.$1:hang" "CAIRN_IDS=$2" \
		"$CAIRN" restart -n r cairn-a
	until_hung r
	kill -s "$3" "${pid[r]}"
	ended r "$4"
	grep -q "ended by SIG$3 before the program ran; the checkpoint is as it was" r.err ||
		fail "at $1 it does not say why it has ended"
	rm r.err
	gone "$@"
}

# Two processes, so that there is something between the first and the last.
launch a -- "sleep 300 & trap \"kill \$!\" EXIT; $counter"
ask a 1
must 0 '' "$CAIRN" checkpoint --kill -n a
ended a 137
before=$(cd cairn-a && sha256sum gen-*/*)
for point in placed forked seized started child mapped filled continued rebuilt finished; do
	ends $point auto TERM 143
done
ends child auto INT 130
# One that takes long says what it is about.
start r env CAIRN_FAULT=restart.child:hang "$CAIRN" restart -n r cairn-a
until grep -q "not there yet after 10 s: making processes and descriptors, waiting for process" r.err; do
	kill -0 "${pid[r]}" || fail "r has ended"
	sleep 0.1
done
kill -s TERM "${pid[r]}"
ended r 143
rm r.err
ends mapped auto HUP 129
for point in placed child filled finished; do
	ends $point namespace TERM 143
done
ends child namespace QUIT 131
[ "$(cd cairn-a && sha256sum gen-*/*)" = "$before" ] || fail "the checkpoint has changed"
# One that the command is to ignore (nohup) is passed on, as it is later: it ends the program.
start r env --ignore-signal=HUP CAIRN_FAULT=restart.filled:late "$CAIRN" restart -n r cairn-a
until [ "$(cat "/proc/${pid[r]}/task/${pid[r]}/children")" ]; do sleep 0.01; done
kill -s HUP "${pid[r]}"
ended r 129
! grep -q 'before the program ran' r.err || fail "it did not run"
start r "$CAIRN" restart -n r cairn-a
ask r 2
tell r 'exit 3'
ended r 3

# What does not end with processes is taken away as well; and a second start finds it that way.
name=/cairn-ends-$$
launch q -- "exec $programs/queues $name"
must 0 '' "$CAIRN" checkpoint --kill -n q
ended q 137
start q env CAIRN_FAULT=restart.mapped:hang "$CAIRN" restart -n q cairn-q
until_hung q
kill -s TERM "${pid[q]}"
ended q 143
ids=$([ "$(id -u)" = 0 ] && echo direct || echo namespace)
start q env "CAIRN_IDS=$ids" "$CAIRN" restart -n q cairn-q
ask q 1
leave q
wait "${pid[q]}"

# cairn run, alone and in a job of a batch system: stopped where it was.
for contract in plain sge; do
	job() {
		start job env "CAIRN_FAULT=$1" "$CAIRN" run -n job-$contract \
			"--exit-contract=$contract" bash -c "$counter"
	}
	signal=$([ $contract = sge ] && echo USR2 || echo TERM)
	job ''
	hear job
	ask job 1
	kill -s "$signal" "${pid[job]}"
	ended job 99
	job restart.filled:hang
	until_hung job
	kill -s "$signal" "${pid[job]}"
	ended job 99
	grep -q '"state": "stopped"' cairn-job-$contract/job.json || fail "the job is not stopped"
	grep -q 'stopped, to go on from generation 1' job.err || fail "it does not say from where"
	job ''
	ask job 2
	tell job 'exit 5'
	ended job 5
done
