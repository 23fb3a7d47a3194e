#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The account of wall time: in the job's comment and limit, and the end when it is used up.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit time --time=10 --comment=0-00:03:00 <<END
#!/bin/bash
exec "$CAIRN" run -d ckpt -- "$program" steps
END
works steps
until_true 'a second of the first leg' has_run # for it to be charged
as_user scancel --batch --signal=USR1 "$job"
until_true 'the first leg stops' said time 'leg 1: stopped, .* of wall time used of 00:03:00'
next_leg 1
until_true 'the second leg' said time 'leg 2: job'
[[ $(field Comment) =~ ^00:02:[0-5][0-9]$ ]] || fail "the comment is $(field Comment)"
[ "$(field TimeLimit)" = 00:03:00 ] || fail "the limit is $(field TimeLimit)"
grep -q '"wanted_seconds": 180' ckpt/job.json || fail 'job.json does not know the time wanted'
works steps

# Its owner finds that it has had enough.
as_user scontrol update jobid="$job" Comment=00:00:01
as_user scancel --batch --signal=USR1 "$job"
until_true 'the second leg stops' said time 'leg 2: job .* is to be queued again'
next_leg 2
until_true 'the third leg' said time 'leg 3: job'
works steps
as_user scancel --batch --signal=USR1 "$job"
in_state FAILED
said time 'leg 3: stopped, .*: that is all' || fail 'it is not said that the time is used up'
[ "$(field ExitCode)" = 124:0 ] || fail "exit code $(field ExitCode)"
grep -q '"state": "used up"' ckpt/job.json || fail 'job.json does not say so'
