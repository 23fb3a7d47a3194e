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
# All that ran there is gone, parents first: nobody sees another's end.
end_tree() {
	local child children
	read -ra children < <(cat /proc/"$1"/task/*/children 2>/dev/null | tr '\n' ' ')
	kill -9 "$1" 2>/dev/null
	for child in "${children[@]}"; do
		end_tree "$child"
	done
}
kill -9 "$(cat "$cluster/pid/$node")"
end_tree "$(awk '/^PPid/ { print $2 }' /proc/"$(cat batch.pid)"/status)"
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
