#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Slurm's own warning before the time limit, which it looks at every half minute: to the batch shell, and to a step.
# Half a minute is enough once: as a plain user.
[ "$(id -u)" != 0 ] || {
	echo "run as a plain user only"
	exit 77
}
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"
declare -A number

submit shell --time=1 --signal=B:USR1@30 <<END
#!/bin/bash
exec "$CAIRN" run --lead 30 -d ckpt-shell -- "$program" steps-shell
END
number[shell]=$job
submit step --time=1 --signal=TERM@30 <<END
#!/bin/bash
srun "$CAIRN" run --lead 30 -d ckpt-step -- "$program" steps-step
END
number[step]=$job
for name in shell step; do
	works steps-$name
done
# What a step says after the signal srun may not pass on.
until_true 'the signal' said shell 'leg 1: SIGUSR1: checkpoint and stop'
for name in shell step; do
	job=${number[$name]}
	next_leg 1
	until_true 'it goes on' said $name 'going on from'
	grep -q '"end": "stopped"' ckpt-$name/job.json || fail "$name: its first leg was not stopped"
	works steps-$name
	enough steps-$name
	in_state COMPLETED
	right $name steps-$name
done
