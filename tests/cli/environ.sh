#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restart --env: new values, longer ones and new names, wherever the program keeps its environment.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
long=$(printf 'long%.0s' {1..2000})

# asked KEY LINE: $answer is a value, $entries how many there are
asked() {
	tell "$1" "$2"
	hear "$1"
	entries=${answer%% *} answer=${answer#*=}
}

# holds KEY NAME VALUE
holds() {
	asked "$1" "$2"
	[ "$answer" = "$3" ] || fail "$1: $2 is '$answer', not '$3'"
}

# again KEY OPTION...: killed, restarted from its newest checkpoint
again() {
	must 0 '' "$CAIRN" kill -n "$1"
	ended "$1" 137
	start "$1" "$CAIRN" restart -n "$1" "${@:2}"
}

# tried PROGRAM [ARGUMENT]
tried() {
	local key=$1${2:-} before
	start "$key" env SAME=1 SHORTER=12345 LONGER=1 "$CAIRN" launch -n "$key" "$programs/$1" "${@:2}"
	hear "$key"
	asked "$key" SAME
	before=$entries
	must 0 '' "$CAIRN" checkpoint -n "$key"

	again "$key" -e SAME=2 -e SHORTER=1 -e "LONGER=$long"
	holds "$key" SAME 2
	holds "$key" SHORTER 1
	holds "$key" LONGER "$long"
	[ "$entries" = "$before" ] || fail "$key: $entries entries instead of $before"
	must 0 '' "$CAIRN" checkpoint -n "$key"

	# On top of the first time; and one that is named twice.
	again "$key" -e NEW=1 -e "OTHER=$long" -e LONGER=2 -e SAME= -e NEW=2
	holds "$key" LONGER 2
	holds "$key" SAME ''
	if [ "$1" = environ_stripped ]; then
		grep -q 'NEW is not set in process' "$key.err" || fail 'it is not said what could not be set'
		holds "$key" NEW -
	else
		holds "$key" NEW 2
		holds "$key" OTHER "$long"
		[ "$entries" = $((before + 2)) ] || fail "$key: $entries entries, there were $before"
	fi
	# The C library can go on from there.
	for n in 1 2 3; do
		asked "$key" "MINE$n=$n"
		[ "$answer" = $n ] || fail "$key: putenv gives $answer"
	done
	holds "$key" SHORTER 1
	must 0 '' "$CAIRN" kill -n "$key"
	ended "$key" 137
}

tried environ
tried environ_pie
tried environ_pie grown
tried environ_static
tried environ_stripped
