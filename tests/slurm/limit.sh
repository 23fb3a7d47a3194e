#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Slurm's own warning before the time limit, which it looks at every half minute.
# Half a minute is enough once: as a plain user.
[ "$(id -u)" != 0 ] || {
	echo "run as a plain user only"
	exit 77
}
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit limit --time=1 --signal=B:USR1@30 <<END
#!/bin/bash
exec "$CAIRN" run --lead 30 -d ckpt -- "$program" steps
END
works steps
next_leg 1
said limit 'leg 1: SIGUSR1: checkpoint and stop' || fail 'it was not the signal that stopped it'
until_true 'it goes on' said limit 'going on from'
works steps
enough steps
in_state COMPLETED
right limit steps
