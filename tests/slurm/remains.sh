#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# However a job ends, nothing of it stays behind on its node: neither agent, program nor snapshot; however Slurm
# finds a job's processes.
PROCTRACK=linuxproc
# By cgroups as root, where there is the freezer of version 1.
if [ "$(id -u)" = 0 ] && [ -d /sys/fs/cgroup/freezer ]; then
	PROCTRACK=cgroup
fi
export PROCTRACK
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

# What the job's script has started has this in its environment.
mark=REMAINS=$work

nothing_remains() {
	! grep -qsz "^$mark\$" /proc/[0-9]*/environ
}

# leg: one that is being checkpointed much of the time
leg() {
	submit remains --requeue <<-END
		#!/bin/bash
		export $mark
		exec "$CAIRN" run -i 1 -c zstd:19 -d ckpt -- bash -c 'x=\$(head -c 300000 /dev/urandom | base64 -w 0)
			sleep 1000 & "\$@"' - "$program" steps
	END
}

leg
works steps
until_true 'a checkpoint' said remains 'generation 1,'
nothing_remains && fail 'its processes are not found'
as_user scancel "$job"
in_state CANCELLED
until_true 'the end of what was cancelled' nothing_remains

leg
until_true 'it goes on' said remains 'leg 2: job'
works steps
as_user scancel --full --signal=KILL "$job"
until_true 'the end of what was killed' nothing_remains

# Last, as what Slurm does next with this node is its own affair.
leg
until_true 'it goes on' said remains 'leg 3: job'
works steps
scontrol update NodeName=n1 State=down Reason=test
until_true 'the end on a node that is down' nothing_remains
