#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Under a filter like a container's (kcmp, personality, userfaultfd refused), inherited by agent and program:
# checkpoint and restart work there; a filter of the program's own is refused by name.
. "$TESTS/cli/counting"
filtered=$helpers/filtered
"$filtered" true || exit 77

real=$cairn
cairn=$PWD/cairn
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$filtered" "$real" >"$cairn"
chmod +x "$cairn"
started box
for _ in 1 2; do
	expect 0 "$real" checkpoint -n box
	killed "$agent"
	"$cairn" restart -n box ckpt 2>launch.err &
	agent=$!
	goes_on
	until_true running box
done
[ "$(generations)" = 2 ] || fail "not two generations"
ended "$agent"

cairn=$real
rm -f lines stop
"$cairn" launch -n own -d "$PWD/own" -- "$filtered" "$count" 2>launch.err &
agent=$!
until_true grown lines 5
expect 1 "$cairn" checkpoint -n own
says err "seccomp filter"
goes_on
ended "$agent"
