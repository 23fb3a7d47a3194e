#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The cluster itself, without Cairn: a job runs as its user, requeues itself and comes back.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit plain <<'END'
#!/bin/bash
echo "leg ${SLURM_RESTART_COUNT:-0} of $(id -un)"
[ "${SLURM_RESTART_COUNT:-0}" = 1 ] || scontrol requeue "$SLURM_JOB_ID"
END
until_true 'the first leg' said plain 'leg 0'
next_leg 1
in_state COMPLETED
said plain "leg 1 of $(as_user id -un)" || fail 'no second leg'
