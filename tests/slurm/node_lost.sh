#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A node goes down: the job goes on elsewhere, from the checkpoint that its interval had made.
nodes=2
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

submit lost <<END
#!/bin/bash
echo \$\$ >batch.pid
exec "$CAIRN" run -i 1 -d ckpt -- "$program" steps
END
until_true 'a checkpoint' said lost 'generation 1,'
node=$(field NodeList)
# All that ran there is gone, at once: nobody sees another's end.
stop_tree() {
	local child children
	kill -STOP "$1" 2>/dev/null
	tree+=("$1")
	read -ra children < <(cat /proc/"$1"/task/*/children 2>/dev/null | tr '\n' ' ')
	for child in "${children[@]}"; do
		stop_tree "$child"
	done
}
tree=()
kill -9 "$(cat "$cluster/pid/$node")"
stop_tree "$(awk '/^PPid/ { print $2 }' /proc/"$(cat batch.pid)"/status)"
kill -9 "${tree[@]}"
scontrol update NodeName="$node" State=down Reason=test
next_leg 1
until_true 'it goes on' said lost "leg 2: job $job on n"
other=$(field NodeList)
[ "$other" != "$node" ] || fail "it is on $node again"
until_true 'it goes on' said lost 'going on from'
grep -q '"end": "lost"' ckpt/job.json || fail 'job.json does not say that a leg was lost'
works steps
enough steps
in_state COMPLETED
right lost steps
