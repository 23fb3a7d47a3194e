#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Functions for job scripts of Slurm, with the names, arguments, variables and files that scripts at NERSC use
# for DMTCP. Source it: it also puts DMTCP's commands (over Cairn) into PATH. docs/dmtcp.md tells more.
#
# Variables that a script may set:
#	ckpt_command	what func_trap does first (default: ckpt_dmtcp)
#	ckpt_overhead	seconds that a checkpoint and the requeue may take (default: from --signal, else 60)
#	max_timelimit	the longest limit to ask for (default: the present one), as 3600 or 1:00:00
#	cr_shield	no: what dmtcp_launch starts is not made deaf to SIGTERM
# and that it may read: requestTime (minutes for the next leg), remainingTime, remainingTimeSec.

cr_home=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
case ":$PATH:" in
*":$cr_home/dmtcp/bin:"*) ;;
*) export PATH="$cr_home/dmtcp/bin:$PATH" ;;
esac
# Inside a container often only one of them is known.
export SLURM_JOB_ID=${SLURM_JOB_ID:-${SLURM_JOBID:-}}
# What Slurm calls this job: the id of the last task of an array is also that of all the array.
cr_id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
cr_id=${cr_id:-$SLURM_JOB_ID}
cr_command=''

cr_say() {
	echo "cairn: $*" >&2
}

# --- times ---------------------------------------------------------------------------------------------

secs2timestr() {
	printf '%02d:%02d:%02d\n' $(($1 / 3600)) $(($1 % 3600 / 60)) $(($1 % 60))
}

# Seconds of S, M:S, H:M:S, D-H, D-H:M or D-H:M:S; 0 of what is no time.
timestr2secs() {
	local days=0 rest=${1:-} part total=0
	local -a parts
	case $rest in
	*[!0-9:-]* | '' | *-*-*) echo 0 && return ;;
	*-*)
		days=${rest%%-*} rest=${rest#*-}
		while [ "$(tr -dc : <<<"$rest" | wc -c)" -lt 2 ]; do rest=$rest:00; done
		;;
	esac
	IFS=: read -r -a parts <<<"$rest"
	for part in "${parts[@]}"; do
		total=$((total * 60 + 10#${part:-0}))
	done
	echo $((10#${days:-0} * 86400 + total))
}

# What squeue says of this job in one format.
cr_job() {
	[ -n "$SLURM_JOB_ID" ] && squeue -h -j "$cr_id" -o "$1" 2>/dev/null | head -1
}

# The seconds before its limit at which this job is signalled, if its script says so.
cr_lead() {
	scontrol write batch_script "$SLURM_JOB_ID" - 2>/dev/null |
		sed -n 's/^#SBATCH.*--signal[= ]*[^@ ]*@\([0-9]*\).*/\1/p' | tail -1
}

# How much of the time that --comment asks for is left after this leg, by the time that it has really used.
getRemainingTime() {
	local total used
	total=$(timestr2secs "$(cr_job %k)")
	used=$(timestr2secs "$(cr_job %M)")
	remainingTimeSec=$((total - used))
	[ $remainingTimeSec -gt 0 ] || remainingTimeSec=0
	remainingTime=$(secs2timestr $remainingTimeSec)
	echo "$remainingTime"
}

# Sets what is known of the job: ckpt_overhead, max_timelimit, remainingTime, requestTime.
parse_job() {
	local limit longest
	ckpt_overhead=$(timestr2secs "${ckpt_overhead:-$(cr_lead)}")
	[ "$ckpt_overhead" -gt 0 ] || ckpt_overhead=60
	limit=$(timestr2secs "$(cr_job %l)")
	[ "$limit" -gt 0 ] || limit=172800
	longest=$(timestr2secs "${max_timelimit:-$limit}")
	max_timelimit=$longest
	getRemainingTime >/dev/null
	# An owner may lower the limit of a job, and not raise it.
	requestTime=$((remainingTimeSec < longest ? remainingTimeSec : longest))
	requestTime=$((requestTime < limit ? requestTime : limit))
	requestTime=$(((requestTime + 59) / 60))
	echo "checkpoint overhead: $(secs2timestr "$ckpt_overhead")"
	echo "longest time limit: $(secs2timestr "$longest")"
	echo "time that remains: $remainingTime, of which the next leg asks for $requestTime minutes"
}

# --- signals and requeueing ------------------------------------------------------------------------------

# requeue_job FUNCTION SIGNAL...: call FUNCTION when a signal comes. In the last leg too: if the program does
# not come to its end, the checkpoint is there to go on from.
requeue_job() {
	local function=$1 sig
	shift
	parse_job
	for sig; do
		# shellcheck disable=SC2064 # as they are now
		trap "$function $sig" "$sig"
	done
}

# Checkpoint, write down how much time is left, and put the job back into the queue while there is some.
func_trap() {
	local limit status=0
	${ckpt_command:-ckpt_dmtcp} >&2 || cr_say "the checkpoint has failed: the next leg goes on from the one before, if there is one"
	parse_job >&2
	if [ "$remainingTimeSec" -le 0 ]; then
		cr_say "the time of --comment is used up: not requeued; the checkpoint stays"
		return 0
	fi
	if ! command -v scontrol >/dev/null; then
		cr_say "no scontrol here: the job must be requeued outside of the container"
		return 1
	fi
	limit=$(timestr2secs "$(cr_job %l)")
	trap '' TERM # which the requeue brings
	scontrol update JobId="$cr_id" Comment="$remainingTime" >&2
	scontrol requeue "$cr_id" >&2 || status=1
	# A limit below the time used would end the job, so only now.
	[ $((requestTime * 60)) -ge "$limit" ] ||
		scontrol update JobId="$cr_id" TimeLimit="$requestTime" >&2
	trap - TERM
	return $status
}

# --- the coordinator -----------------------------------------------------------------------------------

# dmtcp_command_job HOST PORT: make dmtcp_command.<jobid>, which speaks to that coordinator.
dmtcp_command_job() {
	local name=dmtcp_command.${SLURM_JOB_ID:-$$} legs
	legs=$(cr_legs "$name")
	{
		echo "#!/bin/bash"
		echo "# leg $((legs + 1))"
		printf 'export PATH=%q DMTCP_COORD_HOST=%q DMTCP_COORD_PORT=%q\n' "$PATH" "$1" "$2"
		[ -z "${CAIRN_RUNDIR:-}" ] || printf 'export CAIRN_RUNDIR=%q\n' "$CAIRN_RUNDIR"
		echo 'exec dmtcp_command "$@"'
	} >"$name.new"
	chmod a+rx "$name.new" && mv -f "$name.new" "$name" && cr_command=$PWD/$name
}

cr_legs() {
	local legs
	legs=$(sed -n 's/^# leg \([0-9]*\)$/\1/p' "$1" 2>/dev/null)
	echo "${legs:-0}"
}

# Slurm says how often the job was requeued. A container that was not told counts by the files of earlier legs.
restart_count() {
	local legs
	if [ -n "${SLURM_RESTART_COUNT:-}" ] || [ -n "${SLURM_JOB_NODELIST:-}" ]; then
		echo "${SLURM_RESTART_COUNT:-0}"
		return
	fi
	legs=$(cr_legs "dmtcp_command.${SLURM_JOB_ID:-$$}")
	echo $((legs > 1 ? legs - 1 : 0))
}

# Slurm may start a job anew while the program of the leg before still runs here, as when the script that was
# signalled did not wait for it. Two at a time would spoil each other's files: it is checkpointed and stopped,
# and this leg goes on from there.
cr_take_over() {
	local old=./dmtcp_command.${SLURM_JOB_ID:-$$}
	[ -x "$old" ] && "$old" -s 2>/dev/null | grep -q 'NUM_PEERS=[1-9]' || return 0
	cr_say "the program of the leg before still runs: it is checkpointed and stopped"
	"$old" -kc
	# Its own script may have been doing the same.
	if "$old" -s 2>/dev/null | grep -q 'NUM_PEERS=[1-9]'; then
		cr_say "it cannot be checkpointed, and is left alone: this leg ends"
		exit 1
	fi
}

# In a container: is the run directory on none of its mounts, so that no other leg's container can look into it?
# Where Slurm is in there as well all legs are; and diskless nodes have such a root directory, and lose nothing by it.
cr_rundir_is_lost() {
	local dir=${CAIRN_RUNDIR:-${XDG_RUNTIME_DIR:-/tmp}}
	[ -e /run/.containerenv ] || [ -e /.dockerenv ] || return 1
	! command -v scontrol >/dev/null || return 1
	while [ ! -e "$dir" ]; do dir=$(dirname "$dir"); done
	[ "$(stat -c %d "$dir")" = "$(stat -c %d /)" ]
}

# start_coordinator [OPTION...]: those of dmtcp_coordinator. Without a coordinator the script ends.
start_coordinator() {
	local port_file
	if ! command -v dmtcp_coordinator >/dev/null; then
		cr_say "no dmtcp_coordinator in PATH"
		exit 1
	fi
	if cr_rundir_is_lost; then
		cr_say "the run directory is this container's own: should the program outlive this leg, the next one" \
			"cannot find it. Set CAIRN_RUNDIR to a directory that is mounted into each (as $PWD/run)"
	fi
	cr_take_over
	port_file=dmtcp_port.${SLURM_JOB_ID:-$$}
	rm -f "$port_file"
	if ! dmtcp_coordinator --daemon --exit-on-last --owner $$ -p 0 --port-file "$port_file" "$@" >/dev/null; then
		cr_say "the coordinator could not be started"
		exit 1
	fi
	DMTCP_COORD_HOST=$(uname -n)
	DMTCP_COORD_PORT=$(cat "$port_file")
	export DMTCP_COORD_HOST DMTCP_COORD_PORT
	rm -f "$port_file"
	dmtcp_command_job "$DMTCP_COORD_HOST" "$DMTCP_COORD_PORT"
}

cr_ask() {
	if [ -n "$cr_command" ]; then
		"$cr_command" "$@"
	else
		dmtcp_command "$@"
	fi
}

# Wait until no checkpoint is being made. Status 1 if there is nothing that could be checkpointed.
wait_coord() {
	local began=$SECONDS said
	while said=$(cr_ask -s) && [[ $said == *RUNNING=no* ]] && [[ $said != *NUM_PEERS=0* ]]; do
		sleep 0.2
	done
	if [[ $said == *RUNNING=yes* ]]; then
		echo "checkpointing completed, overhead = $((SECONDS - began)) seconds"
	else
		echo "no running job to checkpoint"
		return 1
	fi
}

wait_coord2() {
	wait_coord
}

# Checkpoint, and return when it is complete on disk.
ckpt_dmtcp() {
	local began=$SECONDS
	if cr_ask -bc; then
		echo "checkpointing completed, overhead = $((SECONDS - began)) seconds"
	else
		echo "no checkpoint was made"
		return 1
	fi
}

# Without a trap of its own SIGTERM would have ended the script, and the program with it. So it does, but not
# before the checkpoint is complete; if there is none the program runs on, for as long as it may.
cr_stop() {
	local began=$SECONDS
	if cr_ask -kc; then
		echo "checkpointing completed, overhead = $((SECONDS - began)) seconds; the program is stopped"
	else
		echo "no checkpoint was made"
	fi
}

# wait_pid PID: until that process has ended, whether it is our child or not.
wait_pid() {
	while kill -0 "$1" 2>/dev/null; do
		sleep 0.3
	done
}

# The status of a child, however often a trap has interrupted the wait.
cr_wait() {
	local status again
	while :; do
		wait "$1"
		status=$?
		kill -0 "$1" 2>/dev/null || break
	done
	# If the last was such an interruption as well, bash still knows the true status.
	wait "$1" 2>/dev/null
	again=$?
	[ $again = 127 ] || status=$again
	return $status
}

# --- what is launched ------------------------------------------------------------------------------------

# bash runs no trap while a command runs in the foreground, and the signal that ends a job comes to all of its
# processes at once. So the program is started deaf to SIGTERM, and waited for where traps run; if the script has
# none yet, it gets one that takes a checkpoint. cr_shield=no leaves the program its SIGTERM: for programs
# that end their own children with it.
dmtcp_launch() {
	local pid status own=no
	if [ "$BASH_SUBSHELL" -gt 0 ]; then
		[ "${cr_shield:-yes}" = no ] || trap '' TERM
		exec dmtcp_launch "$@"
	fi
	if [ -z "$(trap -p TERM)" ]; then
		trap 'cr_stop >&2' TERM
		own=yes
	fi
	(dmtcp_launch "$@") <&0 &
	pid=$!
	cr_wait "$pid"
	status=$?
	[ $own = no ] || trap - TERM
	return $status
}
