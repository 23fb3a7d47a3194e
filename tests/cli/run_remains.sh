#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a job nothing outlives what the script has started, which a next leg would find itself beside: whether the
# script's process group is killed, as Slurm does with proctrack/pgid, or the agent alone. And what the script
# itself has started is none of the computation.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mark=RUN_REMAINS=$TMPDIR

# Each process has a group of its own, and one has lost its parent.
program="set -m; (sleep 1000 &); sleep 1001 & $counter"

job() {
	cat >script <<-END
		exec 3>&1 4<&0
		export $mark
		sleep 1002 3>&- 4>&- </dev/null >/dev/null 2>&1 &
		echo \$! >monitor
		exec "$CAIRN" run --exit-contract=htcondor -n job -- bash -c '$program'
	END
	start job setsid -w bash script
}

remains() {
	grep "$@" -sz "^$mark\$" /proc/[0-9]*/environ
}

# ending FILE...: of these the processes that are still there. One that is ending has no environment any more and still
# its open files, the lock of its job among them, and as a zombie its id.
ending() {
	local file
	for file; do [ ! -e "${file%/environ}" ] || echo "$file"; done
}

# kill_all WHAT PID: and wait until nothing remains
kill_all() {
	local end=$((SECONDS + 60)) known left
	known=$(remains -l)
	kill -9 -- "$2"
	# shellcheck disable=SC2086 # a list
	while
		left=$(remains -l; ending $known)
		[ "$left" ]
	do
		[ $SECONDS -lt $end ] || fail "$1 was killed, and there remain: $left"
		sleep 0.01
	done
}

# agent and front: the process that the script became has the monitor as its child.
front() {
	sed -n 's/^PPid:\t//p' "/proc/$(cat monitor)/status"
}

agent() {
	local front file
	front=$(front)
	for file in $(remains -l); do
		[ "$file" = "/proc/$front/environ" ] || [ "$(cat "${file%environ}comm")" != cairn ] || basename "${file%/environ}"
	done
}

for ids in namespace $([ "$(id -u)" != 0 ] || echo direct); do
	export CAIRN_IDS=$ids
	rm -rf cairn-job
	count=0
	job
	hear job
	for leg in 1 2; do
		ask job $((count += 1))
		must 0 '^3 processes' "$CAIRN" checkpoint -n job
		kill_all "leg $leg ($ids): the group" "-$(front)"
		leave job
		job
		ask job $((count += 1))
		must 0 '^3 processes' "$CAIRN" checkpoint -n job
		kill_all "leg $leg ($ids): the agent" "$(agent)"
		leave job
		job
	done
	ask job $((count += 1))
	kill_all "the last leg ($ids): the group" "-$(front)"
	leave job
done

# Of the first leg, which has not gone on from anything.
rm -rf cairn-job
job
hear job
ask job 1
kill_all 'leg 1: the agent' "$(agent)"
leave job

# What cannot be started is said by the one that the script waits for.
must 127 'command not found' setsid -w "$CAIRN" run --exit-contract=htcondor -n none -- no-such-program
must 125 '^cairn run: .*/proc/' env CAIRN_RUNDIR=/proc/x setsid -w "$CAIRN" run --exit-contract=htcondor -- true
