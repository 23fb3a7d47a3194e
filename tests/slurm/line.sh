#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An ordinary line of a script, without exec, trap or wait: what would end the script, and with it the job, comes
# when the job has been saved.
PROCTRACK=linuxproc
# By cgroups as root, where there is the freezer of version 1: what a script leaves is killed at once.
if [ "$(id -u)" = 0 ] && [ -d /sys/fs/cgroup/freezer ]; then
	PROCTRACK=cgroup
fi
export PROCTRACK
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

# ends NAME: its program comes to its end, and its script goes on
ends() {
	enough "steps-$1"
	in_state COMPLETED
	right "$1" "steps-$1"
	[ "$(grep -c 'the next line: 0' "$1.out")" = 1 ] || fail "$1: the next line of the script"
}

# again NAME LEG [SIGNAL]: its script is told, all is saved, and it goes on in that leg
again() {
	as_user scancel --batch --signal="${3:-USR1}" "$job"
	next_leg $(($2 - 1))
	until_true "leg $2" said "$1" "leg $2: job"
	works "steps-$1"
}

submit line <<END
#!/bin/bash
"$CAIRN" run -d ckpt-line -- "$program" steps-line
echo "the next line: \$?"
END
works steps-line
again line 2
# And so is the next one, which has gone on from a checkpoint.
again line 3 TERM
ends line
! said line 'exec cairn run' || fail 'it is said to be wrong'

# A trap of the script would come when the program has ended.
submit trap <<END
#!/bin/bash
trap 'echo "trapped"' USR1
"$CAIRN" run -d ckpt-trap -- "$program" steps-trap
status=\$?
[ \$status = 99 ] || echo "the next line: \$status"
END
works steps-trap
again trap 2
ends trap

# Two in the background, and no trap: both are told, also where the first look at what the script has started misses
# them, as one can that is just changing. One has a shell of its own.
submit two <<END
#!/bin/bash
export CAIRN_FAULT=job.listed:error
"$CAIRN" run -n a -d ckpt-a -- "$program" steps-a &
("$CAIRN" run -n b -d ckpt-b -- "$program" steps-b; true) &
wait
echo "the next line: \$?"
END
works steps-a
works steps-b
as_user scancel --batch --signal=USR1 "$job"
next_leg 1
# shellcheck disable=SC2016 # for eval
until_true 'both go on' eval '[ "$(grep -c "going on from" two.out)" = 2 ]'
enough steps-a
works steps-b
enough steps-b
in_state COMPLETED
for name in a b; do
	grep -qFx "$("$program" -n "$(steps steps-$name)")" two.out || fail "answer of $name"
	seq "$(steps steps-$name)" | cmp - steps-$name || fail "steps-$name: lost, doubled or changed"
done

# A container's client in the place of the program: the cairn outside is the line.
cat >shifter <<'END'
#!/bin/bash
shift
exec "$@"
END
chmod +x shifter
submit contained <<END
#!/bin/bash
"$CAIRN" run -- ./shifter --image=some/image:tag "$CAIRN" run -d ckpt-contained -- "$program" steps-contained
echo "the next line: \$?"
END
works steps-contained
again contained 2
ends contained
! said contained 'exec cairn run' || fail 'the inner one believes itself a line of the script'

# Where the script cannot be traced it is said, and what outlives its end under some ways to find a job's processes stops.
submit refused <<END
#!/bin/bash
export CAIRN_FAULT=job.keep:error
"$CAIRN" run -d ckpt-refused -- "$program" steps-refused
echo "the next line: \$?"
END
works steps-refused
said refused 'exec cairn run' || fail 'it is not said that exec is needed'
if [ $PROCTRACK = linuxproc ]; then
	again refused 2
fi
ends refused
