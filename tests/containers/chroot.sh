#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A chroot, as Shifter's: there the kernel refuses user namespaces, and without rights no id can be chosen, so that
# they come by cycling. No HOME; nothing in the image but cairn and the program.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_root
work=$root
export CAIRN_RUNDIR=$root/run root inside
spaces=(unshare --pid --fork --kill-child --mount)
[ "$(id -u)" = 0 ] || spaces+=(--user --map-root-user)
"${spaces[@]}" --mount-proc true 2>/dev/null || skip "no pid namespaces here"

# box ARGUMENTS: cairn in the chroot, in the background
box() {
	# shellcheck disable=SC2016 # for the shell inside
	"${spaces[@]}" env -u HOME -u TMPDIR CAIRN_RUNDIR=/run sh -c 'mount -t proc proc "$root/proc" &&
		mount --rbind /dev "$root/dev" || exit 99
		exec setpriv --bounding-set=-all,+sys_chroot chroot "$root" "$inside" "$@"' \
		box "$@" >>"$root/box.out" 2>&1 &
	box=$!
}

box launch -n box -d /ckpt /bin/count 1
until_true "it counts" grown 5
for _ in 1 2; do
	"$CAIRN" checkpoint -n box >>"$root/box.out" 2>&1 || fail "no checkpoint"
	kill -9 "$(cat "/proc/$box/task/$box/children")"
	wait "$box"
	box restart -n box /ckpt
	goes_on
	until_true "it serves" "$CAIRN" status -n box
done
grep -q '(cycle)' "$root/run/box/log" || fail "ids came in another way"
touch "$root/stop"
status=0
wait "$box" || status=$?
ended $status
