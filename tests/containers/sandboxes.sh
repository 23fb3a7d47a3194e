#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bubblewrap and Charliecloud, as containers/README.md has them: a new one for each restart. What goes in from
# outside is only the checkpoint, as these keep no container that another command could enter.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

"$TESTS/containers/image" "$root" || exit

bubble() {
	bwrap --die-with-parent --ro-bind "$root" / --proc /proc --dev /dev --tmpfs /tmp --bind "$work" /work --chdir /work \
		--setenv CAIRN_RUNDIR /work/run $inside "$@" >>"$work/box.out" 2>&1 &
	box=$!
}

cloud() {
	USER=$(id -un) ch-run -b "$work:/work" -c /work --set-env=CAIRN_RUNDIR=/work/run "$root" -- $inside "$@" \
		>>"$work/box.out" 2>&1 &
	box=$!
}


# through RUNTIME: launched, and restarted twice
through_sandbox() {
	work=$TMPDIR/$1
	export CAIRN_RUNDIR=$work/run
	mkdir -p "$work"
	"$1" launch -n box -d /work/ckpt /usr/bin/python3 /bin/crew.py
	until_true "it counts" grown 5
	for _ in 1 2; do
		until_true "it serves" "$CAIRN" status -n box
		"$CAIRN" checkpoint --kill -n box >>"$work/box.out" 2>&1 || fail "no checkpoint"
		wait "$box"
		"$1" restart -n box /work/ckpt
		goes_on
	done
	touch "$work/stop"
	status=0
	wait "$box" || status=$?
	ended $status
}

through_sandbox bubble
[ "$(id -u)" = 0 ] || through_sandbox cloud
