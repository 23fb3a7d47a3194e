#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Under a filter like a container's (kcmp, personality, userfaultfd refused), inherited by agent and program:
# checkpoint and restart work there. A filter of the program's own is refused by name, but for root, who may be
# shown it and put it back.
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
own() {
	program=$(program own)
	grep '^Seccomp' "/proc/$program/status"
}
if ! "$cairn" doctor | grep -q '^seccomp .*programs may have filters'; then
	expect 1 "$cairn" checkpoint -n own
	says err "it has a seccomp filter"
	says err "root's on the host"
	goes_on
	ended "$agent"
	exit 0
fi
own >before
expect 0 "$cairn" checkpoint -n own
goes_on
killed "$agent"
"$cairn" restart -n own "$PWD/own" 2>launch.err &
agent=$!
goes_on
until_true running own
own | cmp - before || fail "not the filters that it had: $(own)"
expect 0 "$cairn" checkpoint -n own
# Under a filter of our own we can neither read it nor put it back.
killed "$agent"
expect 125 "$filtered" "$cairn" restart -n own "$PWD/own"
says err "ran under seccomp, which only an agent of root's"
"$cairn" restart -n own "$PWD/own" 2>launch.err &
agent=$!
goes_on
ended "$agent"
