#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is easily done wrong is said in clear words, early, and harms nothing.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

# script NAME ARGUMENT...: a job that runs the program of these tests, with these arguments to cairn run
script() {
	printf '#!/bin/bash\nexec "%s" run %s -- "%s" steps-%s\n' "$CAIRN" "${*:2}" "$program" "$1"
}

# says NAME PATTERN
says() {
	until_true "$1 says '$2'" said "$1" "$2"
}

# ends NAME STATUS: its script has ended with it
ends() {
	until_true "$1 ends" is FAILED
	[ "$(field ExitCode)" = "$2:0" ] || fail "$1: exit code $(field ExitCode), not $2"
}

# Not to be queued again, and no directory given: it is said at once, and how it goes on nevertheless.
submit never --no-requeue < <(script never)
says never "leg 1: submitted with --no-requeue: stopped, it is not queued again .*JobId=$job Requeue=1"
works steps-never
as_user scancel --batch --signal=USR1 "$job"
ends never 99
says never "job $job cannot be queued again .--no-requeue.: submitted again with -d '$work/cairn-work-$job'"
submit never --no-requeue < <(script never -d "cairn-work-$job")
says never 'going on from'
works steps-never
# Its owner changes their mind, as was said.
as_user scontrol update jobid="$job" Requeue=1
as_user scancel --batch --signal=USR1 "$job"
never=$job

# A directory that cannot be had. Nothing has been started, so nothing is lost.
touch file
for dir in /proc file; do
	name=at-${dir#/}
	submit "$name" < <(script "$name" -d $dir)
	ends "$name" 125
	says "$name" "cairn run: checkpoint directory.*$dir"
	says "$name" '-d names another'
	[ ! -e "steps-$name" ] || fail 'it was started'
done

# No room: it is said what that means, and the program runs on to its end. The limit is as a full disk.
submit room <<END
#!/bin/bash
ulimit -S -f 4
exec "$CAIRN" run -d ckpt-room -- "$program" steps-room
END
works steps-room
as_user scancel --batch --signal=USR1 "$job"
says room 'leg 1: no checkpoint: .*File too large'
says room 'leg 1: the program runs on: ended now, all of its work would be lost'
works steps-room
enough steps-room
in_state COMPLETED
right room steps-room

# A second one by mistake: it waits as for a leg on its way out, and then says who is there.
submit twice <<END
#!/bin/bash
"$CAIRN" run -d ckpt-twice -- "$program" steps-twice &
until [ -s steps-twice ]; do :; done
"$CAIRN" run -d ckpt-twice --wait 1 -- "$program" steps-twice
[ \$? = 125 ] && touch steps-twice.enough
wait
END
in_state COMPLETED
says twice "this job is running already \(pid [0-9]+ on .*, job $job\), with its checkpoints in '$work/ckpt-twice'"
right twice steps-twice

# The lead time is too short: it is said when the first checkpoint shows it, and in the next leg at once.
submit lead < <(script lead -i 1 --lead 1 -d ckpt-lead)
says lead 'leg 1: a checkpoint takes .*: the lead time of 1 s is too short.* The last one will begin at'
works steps-lead
as_user scancel --batch --signal=USR1 "$job"
next_leg 1
says lead 'leg 2: a checkpoint takes .*: the lead time of 1 s is too short'
works steps-lead
enough steps-lead
in_state COMPLETED
right lead steps-lead

job=$never
next_leg 1
works steps-never
enough steps-never
in_state COMPLETED
says never "leg 2: job $job is to be queued again"
right never steps-never
