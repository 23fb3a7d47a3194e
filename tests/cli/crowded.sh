#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that hold nearly as many descriptors as the hard limit allows, and several processes that together
# hold more than that: restarted under the same limit, where nobody may raise it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# crowd KEY OPTIONS COMMAND...: under a limit of 256 descriptors, soft and hard.
crowd() {
	# shellcheck disable=SC2016
	start "$1" bash -c 'ulimit -n 256; exec "$@"' - "${@:2}"
}

say() {
	echo >&"${to[$1]}"
	hear "$1"
	[ "$answer" = "$2" ] || fail "$1 says '$answer', not '$2'"
}

# keeps KEY PROCESSES LEFT TOTAL IDS: over two generations.
keeps() {
	crowd "$1" "$CAIRN" launch -n "$1" "$programs/crowded" "$2" "$3"
	hear "$1"
	[ "$answer" = "$4" ] || fail "$1 holds $answer, not $4"
	for _ in 1 2; do
		must 0 '' "$CAIRN" checkpoint --kill -n "$1"
		ended "$1" 137
		crowd "$1" env "CAIRN_IDS=$5" "$CAIRN" restart -n "$1" "cairn-$1"
		say "$1" "ok $4"
		say "$1" "ok $4"
	done
	hold=${to[$1]}
	exec {hold}>&-
	ended "$1" 0
}

# Root raises the limit meanwhile. The rest of it is with a root that may not.
[ "$(id -u)" != 0 ] || keeps raised 1 24 232 auto
export CAIRN_FAULT=room.raise:error
keeps one 1 24 232 auto
keeps named 1 24 232 namespace
keeps several 5 0 425 auto

# Too crowded: said so, and the checkpoint stays.
crowd full "$CAIRN" launch -n full "$programs/crowded" 1 6
hear full
must 0 '' "$CAIRN" checkpoint --kill -n full
ended full 137
# shellcheck disable=SC2016
must 125 'ulimit -Hn' bash -c 'ulimit -n 256; exec "$@"' - "$CAIRN" restart -n full cairn-full
# With more room it works again.
start full "$CAIRN" restart -n full cairn-full
say full 'ok 250'
leave full

# Whoever holds descriptors meanwhile ends with the agent: the pipe is closed then.
[ "$(id -u)" != 0 ] || exit 0
for ids in auto namespace; do
	for point in child mapped filled; do
		said=$(ulimit -n 256 && CAIRN_FAULT=restart.$point CAIRN_IDS=$ids \
			timeout 60 "$CAIRN" restart -n several cairn-several 2>&1 </dev/null | cat)
		grep -q 'killed' <<<"$said" || fail "at restart.$point it does not say that it was killed"
	done
done
