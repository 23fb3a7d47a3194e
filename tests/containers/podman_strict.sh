#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container with as little as can be: nothing to write to but what is mounted, hardly any /dev/shm, an id that
# no file knows, no HOME; then, with no rights at all, what Docker's filter refuses.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

containers
options=(--read-only --read-only-tmpfs=false --shm-size 64k --user 1234:5678 -e CAIRN_RUNDIR=/ckpt/run)
front=(env -u HOME)
through "" /bin/count 1
options=(--cap-drop ALL --security-opt no-new-privileges
	--security-opt "seccomp=$TESTS/containers/docker.json")
front=()
through 2 /usr/bin/python3 /bin/crew.py
grep -q '(cycle)' "$ckpt/log" || fail "ids came in another way"
