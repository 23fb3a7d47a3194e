#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several computations in one job, and an array of jobs: with no name given none is in another's way, and a job
# is queued again when the last of its parts has stopped.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit parts -n 3 <<END
#!/bin/bash
trap 'kill -USR1 \$pid' USR1
# A step of two ranks, one with other arguments, and one without srun.
srun -n 2 --exact bash -c 'exec "$CAIRN" run -- "$program" "steps-\$SLURM_PROCID"' &
srun -n 1 --exact "$CAIRN" run -- "$program" steps-2 &
"$CAIRN" run -- "$program" steps-3 &
pid=\$!
while kill -0 \$pid 2>/dev/null; do wait \$pid; done
wait
END
for n in 0 1 2 3; do works steps-$n; done
[ "$(find . -maxdepth 1 -name "cairn-*-$job*" | wc -l)" = 4 ] || fail "$(ls)"
as_user scancel --signal=TERM "$job"
as_user scancel --batch --signal=USR1 "$job"
next_leg 1
has_legs() {
	[ "$(cat cairn-*-"$job"*/job.json | grep -c '"leg": 2')" = 4 ]
}
until_true 'all go on' has_legs
for n in 0 1 2 3; do works steps-$n; done
for n in 0 1 2 3; do enough steps-$n; done
in_state COMPLETED
for n in 0 1 2 3; do
	seq "$(steps steps-$n)" | cmp - "steps-$n" || fail "steps-$n: lost, doubled or changed"
	grep -q "$("$program" -n "$(steps steps-$n)")" parts.out || fail "no answer $n"
done

submit array --array=1-2 -o "$work/array-%a.out" <<END
#!/bin/bash
exec "$CAIRN" run -- "$program" "steps-a\$SLURM_ARRAY_TASK_ID"
END
array=$job
works steps-a1
works steps-a2
as_user scancel --batch --signal=USR1 "${array}_1" "${array}_2"
for task in 1 2; do
	job=${array}_$task
	next_leg 1
	until_true "task $task goes on" said array-$task 'going on from'
	works steps-a$task
	enough steps-a$task
	in_state COMPLETED
	right array-$task steps-a$task
done
