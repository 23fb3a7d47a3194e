#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nersc_cr.sh: its functions, with a stand-in for Slurm that writes down what it is asked for.
# shellcheck disable=SC2016 # scripts are given as they are
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../lib/coordinators
. "$TESTS/lib/coordinators"
export HELPERS="$TESTS/../share/cairn/nersc_cr.sh"
unset SLURM_RESTART_COUNT SLURM_JOB_NODELIST SLURM_JOBID
export SLURM_JOB_ID=77

mkdir bin
cat >bin/squeue <<'END'
#!/bin/sh
case $* in *%k*) echo "$COMMENT" ;; *%M*) echo "$USED" ;; *%l*) echo "$LIMIT" ;; esac
END
cat >bin/scontrol <<'END'
#!/bin/sh
[ "$1" != write ] || { echo '#SBATCH --signal=B:USR1@25'; exit; }
echo "$*" >>asked
END
chmod +x bin/*
export PATH="$PWD/bin:$PATH"

# says PATTERN SCRIPT: a job script of its own, which sources the functions
says() {
	must 0 "$1" bash -c ". \"\$HELPERS\"; $2"
}

says '^01:01:05$' 'secs2timestr 3665'
for pair in 60=60 10:00=600 1:00:05=3605 1-00=86400 1-02:03=93780 2-00:00:07=172807 =0 UNLIMITED=0 08:09=489; do
	says "^${pair#*=}\$" "timestr2secs '${pair%=*}'"
done

# Time is charged as it was used, and the next leg asks for no more than there is.
export COMMENT=01:05:00 USED=20:00 LIMIT=1:00:00
says '^00:45:00$' getRemainingTime
says 'overhead: 00:00:25' parse_job
says '^45$' 'parse_job >/dev/null; echo $requestTime'
says '^30$' 'max_timelimit=30:00; parse_job >/dev/null; echo $requestTime'
says '^60$' 'COMMENT=9:00:00; parse_job >/dev/null; echo $requestTime'
says 'taken' 'ckpt_command="echo taken"; requeue_job func_trap USR1; kill -USR1 $$'
printf '%s\n' 'update JobId=77 Comment=00:45:00' 'requeue 77' 'update JobId=77 TimeLimit=45' | cmp - asked ||
	fail "asked of Slurm: $(cat asked)"
rm asked
says 'used up' 'USED=2:00:00 ckpt_command=true; requeue_job func_trap USR1; kill -USR1 $$'
[ ! -e asked ] || fail 'requeued without any time left'

# Without a coordinator the script ends.
must 1 'no dmtcp_coordinator' env -u PATH /bin/bash -c 'PATH=/nowhere; . "$HELPERS" 2>/dev/null; PATH=/nowhere
	start_coordinator; exit 0'
must 1 'could not be started' bash -c '. "$HELPERS"; start_coordinator --nonsense; exit 0'
says 'no running job' 'start_coordinator; wait_coord; dmtcp_command -q'

# The count of legs, from Slurm or from files.
rm dmtcp_command.77
says '^3$' 'SLURM_RESTART_COUNT=3; restart_count'
says '^0$' 'restart_count'
for leg in 0 1 2; do
	says "^$leg\$" 'start_coordinator; restart_count; ./dmtcp_command.77 -q'
done

# A job script in the shape that is in use; its trap works from the first leg on, while the program runs.
cat >job <<'END'
. "$HELPERS"
start_coordinator
if [ "$(restart_count)" = 0 ]; then
	dmtcp_launch --join-coordinator -i 300 bash -c "$PROGRAM"
else
	./dmtcp_restart_script.sh <&0 &
	trap ckpt_dmtcp TERM
	pid=$!
	until wait $pid; [ $? -lt 128 ]; do :; done
fi
END
rm -f dmtcp_command.77
export PROGRAM=$counter
start job setsid bash job
hear job
program=$answer
ask job 1
[ ! -e dmtcp_restart_script.sh ] || fail 'a checkpoint before the signal'
# As Slurm ends a job: every process of it is told.
kill -TERM -"${pid[job]}"
ended job 137
[ ! -e "/proc/$program" ] || fail 'the program still runs'

start job setsid bash job
ask job 2
tell job 'exit 0'
ended job 0
coordinators_end
