#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Jobs that must give way to another, with a time of grace and without: checkpointed, and back in the queue.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"
declare -A number

# With grace, Slurm warns steps.
submit low <<END
#!/bin/bash
srun "$CAIRN" run -d ckpt-low -- "$program" steps-low
END
number[low]=$job
# Without, it ends the job, with KillWait in which to do so.
submit brisk -p brisk <<END
#!/bin/bash
exec "$CAIRN" run -d ckpt-brisk -- "$program" steps-brisk
END
number[brisk]=$job
works steps-low
works steps-brisk
submit high -p high --exclusive --wrap 'sleep 0.1'
in_state COMPLETED "$job"
for name in low brisk; do
	job=${number[$name]}
	next_leg 1
	until_true "$name goes on" said $name 'going on from .*/gen-000001'
	works steps-$name
	enough steps-$name
	in_state COMPLETED
	right $name steps-$name
done
