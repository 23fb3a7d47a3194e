#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `cairn run -- podman run ... cairn run -- PROGRAM`: signals go in, the status comes out, and the container does not
# outlive whoever has started it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# job [OPTION...]: in the background; its container goes away with it
job() {
	"$CAIRN" run -- podman run "$@" --rm --replace --name box -v "$work:/work" -v "$ckpt:/ckpt" -w /work \
		localhost/cairn-test cairn run -n job -d /ckpt -- count 1 >>"$work/run.out" 2>&1 &
	job=$!
}

# podman passes signals on only when it has come to wait for the container.
runs_long() {
	until_true "it runs" grown $(($(lines) + 300))
}

no_container() {
	! podman container exists box
}

ended() {
	status=0
	wait "$job" || status=$?
	[ $status = "$1" ] || fail "it ended with $status, not $1"
}

stopped() {
	ended "$1"
	until_true "its container has gone" no_container
}

containers
new_place
job
for signal in USR1 TERM; do
	runs_long
	kill -s $signal $job
	stopped 99
	job
done
# When the container ends meanwhile it dies of what it is to pass on.
runs_long
while kill -s TERM $job 2>/dev/null; do :; done
ended 99
job
runs_long
before=$(newest)
kill -9 $job
stopped 137
[ "$(newest)" != "$before" ] || fail "it was not saved when whoever had started it was killed"
job
goes_on
touch "$work/stop"
stopped 7
seq "$(lines)" | cmp -s - "$work/lines" || fail "lines are lost, doubled or changed"
# Nothing is started again. A terminal is not to be had in a batch job.
job -it
stopped 7
grep -q 'no terminal here: leave out -it' "$work/run.out" || fail "nothing is said of -it"
grep -q 'this job has finished with status 7' "$work/run.out" || fail "its end is not remembered"

status=0
"$CAIRN" run -- podman run --rm localhost/cairn-test count >"$work/refused.out" 2>&1 || status=$?
[ $status = 125 ] || fail "a container without cairn ends with $status, not 125"
grep -q "checkpointed only from inside: .* IMAGE cairn run -- PROGRAM" "$work/refused.out" || fail "it is not said why"
podman run --rm localhost/cairn-test cairn run -n own -d /tmp/own -- true >"$work/own.out" 2>&1 ||
	fail "it does not run"
grep -q "'/tmp/own' is this container's own" "$work/own.out" || fail "nothing is said of a directory that goes with it"
