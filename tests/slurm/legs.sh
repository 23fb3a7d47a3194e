#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One line in a job script: signalled, checkpointed, queued again by itself, until it is done.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

# `--signal=B:USR1@...` reaches the batch shell, which cairn has taken the place of.
submit legs --requeue <<END
#!/bin/bash
exec "$CAIRN" run -d ckpt -- "$program" steps
END
for leg in 1 2 3; do
	works steps
	as_user scancel --batch --signal=USR1 "$job"
	until_true "leg $leg stops" said legs "leg $leg: job .* is to be queued again"
	next_leg $leg
	until_true "leg $((leg + 1))" said legs "leg $((leg + 1)): job"
done
works steps
enough steps
in_state COMPLETED
right legs steps
cat legs.out
said legs "going on from $work/ckpt/gen-000003" || fail 'it is not said what it goes on from'
said legs 'leg 4: finished with status 0' || fail 'the end is not said'
[ "$(field ExitCode)" = 0:0 ] || fail "exit code $(field ExitCode)"
grep -q '"state": "finished"' ckpt/job.json || fail 'job.json does not say that it is finished'

# Queued again by mistake: nothing is started.
as_user scontrol requeue "$job"
next_leg 4
in_state COMPLETED
said legs 'has finished with status 0; --fresh' || fail 'a finished job was started again'
[ "$(grep -c '^answer' legs.out)" = 1 ] || fail 'a finished job has answered again'
