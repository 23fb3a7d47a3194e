#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A time limit that comes without a checkpoint, as the disk is full by then: Slurm kills what it finds, here the
# script's process group. Nothing stays behind, and the next submission goes on from the last one of the interval.
# Half a minute is enough once: as a plain user.
[ "$(id -u)" != 0 ] || {
	echo "run as a plain user only"
	exit 77
}
export PROCTRACK=pgid
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

# What the job's script has started has this in its environment.
mark=TIMEOUT_REMAINS=$work

nothing_remains() {
	! grep -qsz "^$mark\$" /proc/[0-9]*/environ
}

leg() {
	submit "$1" --no-requeue --time=1 <<-END
		#!/bin/bash
		export $mark
		"$CAIRN" run -i 1 -d ckpt -- "$program" steps
		echo "the script goes on"
	END
}

leg first
until_true 'a checkpoint' said first 'generation 1,'
nothing_remains && fail 'its processes are not found'
chmod 555 ckpt
in_state RUNNING
# Slurm looks every half minute.
until_true 'the last attempt' eval 'said first "the program runs on" || ! is RUNNING'
in_state TIMEOUT
until_true 'the end of what was killed' nothing_remains
! said first 'the script goes on' || fail 'the script has outlived its limit'
done_before=$(steps steps)
chmod 755 ckpt

leg second
until_true 'it goes on' said second 'going on from'
works steps
enough steps
in_state COMPLETED
right second steps
[ "$done_before" -gt 20 ] || fail "it has done little: $done_before"
said second 'the script goes on' || fail 'the line below cairn run was not reached'
nothing_remains || fail 'it has ended and remains'
