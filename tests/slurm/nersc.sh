#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A job script with NERSC's functions: its trap checkpoints, charges the time that was used, and requeues.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit nersc --requeue --time=30 --comment=20:00 --signal=B:USR1@60 <<END
#!/bin/bash
$(nersc_leg)
exit \$status
END
works steps
said nersc 'overhead: 00:01:00' || fail 'the signal of the script is not understood'
until_true 'a second of the first leg' has_run # for it to be charged
as_user scancel --batch --signal=USR1 "$job"
until_true 'the checkpoint' said nersc 'checkpointing completed'
next_leg 1
! said nersc 'Set CAIRN_RUNDIR' || fail 'where Slurm is, all legs are'
comment=$(field Comment)
[[ $comment == 00:1[0-9]:?? ]] || fail "the comment is $comment"
# An owner may lower the limit: the next leg has what is left.
[[ $(field TimeLimit) == 00:[12]?:00 ]] || fail "the time limit is $(field TimeLimit)"
# Its coordinator, its trap, and the coordinator of the second leg.
# shellcheck disable=SC2016 # for eval
until_true 'the second leg' eval '[ "$(grep -c "checkpoint overhead" nersc.out)" = 3 ]'
works steps
enough steps
in_state COMPLETED
right nersc steps
[ "$(field ExitCode)" = 0:0 ] || fail "exit code $(field ExitCode)"
coordinators_end
