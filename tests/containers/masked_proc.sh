#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A /proc that is masked in part, as in rootless podman: a restart's namespace may not mount a new one, and sees
# outer ids in the one there is. Checkpoints go on being taken, by their right ids.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_root
unshare --user --map-root-user --mount true 2>/dev/null || skip "no user namespaces here"

# box ARGUMENTS: cairn where /proc/fs is hidden, in the background
box() {
	# shellcheck disable=SC2016 # for the shell inside
	(cd "$work" && exec unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /proc/fs || exit 99
		exec setpriv --bounding-set=-all,+setfcap "$CAIRN" "$@"' box "$@" >>"$work/box.out" 2>&1) &
	box=$!
}

# What has been started below process $1, and that itself
kill_all() {
	local child
	# shellcheck disable=SC2013 # words they are
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		kill_all "$child"
	done
	kill -9 "$1" 2>/dev/null
}

box launch -n box -d "$work/ckpt" "$programs/count" 1
until_true "it counts" grown 5
for _ in 1 2 3; do
	"$CAIRN" checkpoint -n box >>"$work/box.out" 2>&1 || fail "no checkpoint"
	kill_all "$box"
	wait "$box" 2>/dev/null
	box restart --ids=namespace -n box "$work/ckpt"
	goes_on
	until_true "it serves" "$CAIRN" status -n box
done
[ "$("$CAIRN" status -n box --json | grep -c '"pid"')" = 1 ] || "$CAIRN" status -n box | grep -q '1 process' ||
	fail "status does not see the process"
touch "$work/stop"
status=0
wait "$box" || status=$?
ended $status
