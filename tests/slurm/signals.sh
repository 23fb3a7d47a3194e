#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever way the signal takes: to the batch shell, to the step, to every process of the job.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"
declare -A number

# The shell waits, and passes the signal on.
submit waits <<END
#!/bin/bash
trap 'kill -USR1 \$!' USR1
"$CAIRN" run -d ckpt-waits -- "$program" steps-waits &
# A trap ends a wait.
while kill -0 \$! 2>/dev/null; do wait \$!; done
END
number[waits]=$job

# Slurm signals the step, which is all of it: srun, cairn, and the program.
submit step <<END
#!/bin/bash
srun "$CAIRN" run -d ckpt-step -- "$program" steps-step
END
number[step]=$job

submit all <<END
#!/bin/bash
exec "$CAIRN" run -d ckpt-all -- "$program" steps-all
END
number[all]=$job

for name in waits step all; do
	works steps-$name
done
as_user scancel --batch --signal=USR1 "${number[waits]}"
as_user scancel --signal=TERM "${number[step]}"
as_user scancel --full --signal=TERM "${number[all]}"
for name in waits step all; do
	job=${number[$name]}
	next_leg 1
done
for name in waits step all; do
	job=${number[$name]}
	until_true "$name goes on" said $name 'going on from'
	works steps-$name
	enough steps-$name
	in_state COMPLETED
	right $name steps-$name
done

# A cancelled job stays cancelled; its checkpoint is there for the next that is given it.
submit cancelled <<END
#!/bin/bash
exec "$CAIRN" run -d ckpt-cancelled -- "$program" steps-cancelled
END
works steps-cancelled
as_user scancel "$job"
in_state CANCELLED
until_true 'its end' said cancelled 'leg 1: stopped'
is CANCELLED || fail "a cancelled job is $(state)"
submit again <<END
#!/bin/bash
exec "$CAIRN" run -d ckpt-cancelled -- "$program" steps-cancelled
END
until_true 'it goes on' said again 'going on from'
works steps-cancelled
enough steps-cancelled
in_state COMPLETED
right again steps-cancelled
