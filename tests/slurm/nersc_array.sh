#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# NERSC's functions in a job array: the last task has the id of all the array, and queues only itself again.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit array --array=0-1 --requeue --time=30 --comment=20:00 <<END
#!/bin/bash
mkdir -p task-\$SLURM_ARRAY_TASK_ID && cd task-\$SLURM_ARRAY_TASK_ID || exit
$(nersc_leg)
echo "\$SLURM_ARRAY_TASK_ID: \$status"
exit \$status
END
array=$job
works task-0/steps
works task-1/steps
job=${array}_1
[ "$(field JobId)" = "$array" ] || fail 'the last task has an id of its own'
as_user scancel --batch --signal=USR1 "$job"
next_leg 1
until_true 'the second leg' eval 'is RUNNING'
works task-1/steps
for n in 0 1; do
	job=${array}_$n
	[ "$(field Restarts)" = $n ] || fail "task $n was started again $(field Restarts) times"
	enough task-$n/steps
	in_state COMPLETED
	grep -qFx "$("$program" -n "$(steps task-$n/steps)")" array.out || fail "answer of task $n"
done
coordinators_end
