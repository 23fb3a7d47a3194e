# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests with Slurm share: a cluster of their own, and a plain user whose jobs it runs. As root the
# daemons are root's and the jobs nobody's; else all of it belongs to the one who runs the test.
set -u
cluster=$TMPDIR/cluster
work=$TMPDIR/work # where jobs run, with their output
export SLURM_CONF=$cluster/slurm.conf

fail() {
	echo "FAILED: $*"
	squeue -l
	tail -n 40 "$work"/*.out
	tail -n 8 "$cluster"/log/slurmctld.out "$cluster"/log/n*.out
	exit 1
}

# until_true WHAT COMMAND...: it becomes true
until_true() {
	local what=$1 end=$((SECONDS + 60))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "$what: not after 60 s"
		sleep 0.1
	done
}

# as_user COMMAND...: what a user does
as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
	else
		"$@"
	fi
}

# submit NAME [OPTION...] <SCRIPT: a batch job in $work; $job is its number, $work/NAME.out its output
submit() {
	local name=$1
	shift
	job=$(as_user sbatch --parsable -J "$name" -o "$work/$name.out" --open-mode=append "$@") ||
		fail "sbatch: $job"
}

# nersc_leg: the lines of a script that run the program by NERSC's functions; its status is $status there
nersc_leg() {
	cat <<-END
		source "$TESTS/../share/cairn/nersc_cr.sh"
		start_coordinator
		requeue_job func_trap USR1
		if [ "\$(restart_count)" = 0 ]; then
			dmtcp_launch -j "$program" steps &
		else
			bash ./dmtcp_restart_script.sh -h \$DMTCP_COORD_HOST -p \$DMTCP_COORD_PORT &
		fi
		while wait \$!; status=\$?; kill -0 \$! 2>/dev/null; do :; done
	END
}

# state [JOB]: one word, PENDING and the like; of $job
state() {
	scontrol show job "${1:-$job}" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p'
}

# is STATE [JOB]
is() {
	[ "$(state "${2:-$job}")" = "$1" ]
}

# in_state STATE [JOB]: wait for it
in_state() {
	until_true "job ${2:-$job} $1" is "$1" "${2:-$job}"
}

# field NAME: of the job's, as scontrol shows it
field() {
	scontrol show job "$job" | sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p"
}

# has_run: this leg has used at least a second of wall time, by Slurm's clock
has_run() {
	[ "$(squeue -h -j "$job" -o %M)" != 0:00 ]
}

has_restarts() {
	[ "$(field Restarts)" -ge "$1" ]
}

# next_leg N: job $job has been queued again for the Nth time; it need not wait until its old credential has
# expired. slurmd refuses one that was issued in the second in which it was told to end the job, or before.
next_leg() {
	local second
	until_true "job $job queued again" has_restarts "$1"
	until_true "job $job off its node" eval 'is PENDING || is RUNNING || is COMPLETED'
	second=$(date +%s)
	until_true 'the next second' eval "[ \$(date +%s) -gt $((second + 1)) ]"
	# By now it may run by itself.
	is PENDING && as_user scontrol update jobid="$job" StartTime=now 2>/dev/null
	return 0
}

# said NAME PATTERN: the job's output has such a line
said() {
	grep -qE -- "$2" "$work/$1.out"
}

# The program of these tests (work.c): "$program" FILE
program=$(dirname "$CAIRN")/tests/slurm/work

steps() {
	wc -l <"$work/$1"
}

has_steps() {
	[ "$(steps "$1")" -ge "$2" ]
}

# works FILE: it goes on
works() {
	until_true "work on $1" has_steps "$1" 1
	until_true "work on $1" has_steps "$1" $(($(steps "$1") + 5))
}

# restarted NAME N: the job's script has said N times that it goes on
restarted() {
	[ "$(grep -c 'Restart initiated' "$work/$1.out")" = "$2" ]
}

# survives_term NAME FILE: twice its batch script gets SIGTERM, is queued again, and loses no work from before that
survives_term() {
	local leg before
	for leg in 1 2; do
		works "$2"
		before=$(steps "$2")
		as_user scancel --batch --signal=TERM "$job"
		next_leg $leg
		until_true "leg $((leg + 1))" restarted "$1" $leg
		works "$2"
		[ "$(steps "$2")" -ge "$before" ] ||
			fail "work from before the signal is lost: $(steps "$2") of $before"
	done
}

# enough FILE: the program may come to its end
enough() {
	as_user touch "$work/$1.enough"
}

# right NAME FILE: the job NAME has answered, and every step was done once
right() {
	local answer
	answer=$(grep -E '^answer [0-9]+ [0-9a-f]+$' "$work/$1.out") || fail "$1 has no answer"
	[ "$answer" = "$("$program" -n "$(steps "$2")")" ] || fail "$1 answers: $answer"
	seq "$(steps "$2")" | cmp - "$work/$2" || fail "$2: steps lost, doubled or changed"
}

# shellcheck source=../lib/coordinators
. "$TESTS/lib/coordinators"

end_cluster() {
	"$TESTS/slurm/cluster" stop "$cluster"
}

mkdir -p "$work"
chmod 711 "$TMPDIR"
if [ "$(id -u)" = 0 ]; then
	chown nobody:nogroup "$work"
fi
export CAIRN_RUNDIR=$work/run HOME=$work TMPDIR=$work
cd "$work" || exit 1
trap end_cluster EXIT
"$TESTS/slurm/cluster" start "$cluster" "${nodes:-1}" || exit
