#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Those who connect to the control socket and do not behave disturb nobody.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -- "$counter"
socket=$CAIRN_RUNDIR/a/control.sock
# The path of a socket has an end.
ln -s "$CAIRN_RUNDIR/a" "/tmp/cairn-cli-$$"
trap 'rm -f "/tmp/cairn-cli-$$"' EXIT
socket=/tmp/cairn-cli-$$/control.sock
for how in garbage huge mute; do
	start "$how" "$programs/stranger" "$socket" $how 8
	hear "$how"
	must 0 'running' timeout 5 "$CAIRN" status
done
must 0 'gen-000001' "$CAIRN" checkpoint
# More than there is room for: the later ones are turned away, and room comes back when they go.
start many "$programs/stranger" "$socket" mute 60
hear many
timeout 5 "$CAIRN" status >/dev/null 2>&1
for how in garbage huge mute many; do
	leave "$how"
	wait "${pid[$how]}"
done
must 0 'gen-000002' "$CAIRN" checkpoint
ask a 1
[ "$(stat -c %a "$CAIRN_RUNDIR/a")" = 700 ] || fail "the run directory is open to others"
tell a 'exit 4'
ended a 4
