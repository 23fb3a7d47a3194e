#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several commands whose program has one name, one after the other and at once, with no name or directory given: each
# is run, and each goes on from its own.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

must 0 '^one$' "$CAIRN" run -- bash -c 'echo one'
must 3 '^two$' "$CAIRN" run -- bash -c 'echo two; exit 3'
must 0 'has finished with status 0' "$CAIRN" run -- bash -c 'echo one'
must 3 'has finished with status 3' "$CAIRN" run -- bash -c 'echo two; exit 3'
[ "$(find . -name 'cairn-bash*' | wc -l)" = 2 ] || fail "$(ls)"
rm -r cairn-bash*

# both: at once
both() {
	for key; do start "$key" "$CAIRN" run --wait 60 -- bash -c ": $key; $counter"; done
}
both a b
hear a
hear b
for n in 1 2 3; do
	[ $n = 1 ] || both b a
	ask b $((2 * n - 1))
	ask b $((2 * n))
	ask a $n
	for key in a b; do
		kill -s TERM "${pid[$key]}"
		ended $key 99
	done
done

# What has not come to its end is in nobody's way who has said where, and else not mistaken.
must 125 'belongs to another command .bash -c : [ab]; .*[.]{3}., which has not come to its end.*-d.*-n' "$CAIRN" run -- bash -c 'echo three'
start c "$CAIRN" run -d cairn-bash -- bash -c 'echo three'
until grep -q 'had another command in its last leg .bash -c' c.err; do sleep 0.05; done
tell c 'exit 4'
ended c 4
must 125 'belongs to another command.* has finished; --fresh' "$CAIRN" run -d cairn-bash -- bash -c 'echo five'
must 0 '^five$' "$CAIRN" run --fresh -d cairn-bash -- bash -c 'echo five'
