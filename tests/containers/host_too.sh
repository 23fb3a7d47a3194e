#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a container to the bare host and back: where the same paths name the same files and the user is the same.
# Where it is not, that is said before anything starts.
# Once is enough, and a plain user's containers are the harder ones: their root is another user than we.
[ "$(id -u)" != 0 ] || {
	echo "run as a plain user only"
	exit 77
}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# host COMMAND...: in the background, from some other directory
host() {
	(cd / && exec "$CAIRN" "$@") >>"$work/host.out" 2>&1 &
	host=$!
}

host_saves() {
	until_true "it serves" "$CAIRN" status -n job
	goes_on
	"$CAIRN" checkpoint --kill -n job >>"$work/host.out" 2>&1 || fail "no checkpoint on the host"
	wait $host 2>/dev/null
}

# Whoever asks for it from inside may be gone with the container before the answer comes.
box_saves() {
	local before
	goes_on
	before=$(newest)
	(save --kill) >/dev/null
	ends >/dev/null
	[ "$(newest)" != "$before" ] || fail "no checkpoint in the container: $(cat "$work/checkpoint.out")"
}

containers

new_place same
cp "$programs/count" "$work"
options=(--userns keep-id -v "$work:$work" -v "$ckpt:$ckpt" -w "$work")
box launch -n job -d "$ckpt" "$work/count" 1
box_saves
host restart -n job "$ckpt"
host_saves
box restart -n job "$ckpt"
goes_on
touch "$work/stop"
ended "$(ends)"

# Its root directory holds what the host has not.
new_place own
options=(--userns keep-id)
box launch -n job -d /ckpt count 1
box_saves
status=0
"$CAIRN" restart -n job "$ckpt" >"$work/host.out" 2>&1 || status=$?
[ $status = 125 ] || fail "without its files it ends with $status"
grep -q "'/bin/count' is missing" "$work/host.out" || fail "it is not said what is missing"

# Not kept, its user is another one here.
new_place other
cp "$programs/count" "$work"
options=(-v "$work:$work" -v "$ckpt:$ckpt" -w "$work")
box launch -n job -d "$ckpt" "$work/count" 1
box_saves
status=0
"$CAIRN" restart -n job "$ckpt" >"$work/host.out" 2>&1 || status=$?
[ $status = 125 ] || fail "as another user it ends with $status"
grep -q "it ran as user 0 of group 0, which user $(id -u) of group $(id -g) cannot become here.*keep-id" "$work/host.out" ||
	fail "it is not said who it was"
box restart -n job "$ckpt"
goes_on
touch "$work/stop"
ended "$(ends)"
