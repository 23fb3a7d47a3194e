#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cairn as a container's first process: it reaps orphans, passes signals on, ends as the program did; and another
# command of the container (podman exec) is not part of the computation. So it is after a restart.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

no_zombies() {
	! podman exec box sh -c 'grep "^State:.Z" /proc/[0-9]*/status'
}

# Its orphan ends; signals come to it; it decides how it ends.
passes_on() {
	rm -f "$work/usr1"
	podman kill -s USR1 box >/dev/null
	until_true "SIGUSR1 comes to the program" test -e "$work/usr1"
	until_true "orphans are reaped" no_zombies
	podman stop -t 60 box >/dev/null 2>&1
	[ "$(ends)" = 9 ] || fail "stopped with $(ends), not 9"
}

containers
new_place
# shellcheck disable=SC2016 # for the shell inside
box launch -n job -d /ckpt sh -c 'sh -c "sleep 0.1 &"; trap "touch usr1" USR1; trap "exit 9" TERM; touch up
	while :; do sleep 0.05; done'
until_true "it is up" test -e "$work/up"
podman exec -d box sleep 1000
save
grep -q '^[12] process' "$work/checkpoint.out" || fail "what others have started is in the checkpoint"
passes_on
box restart -n job /ckpt
save
passes_on
