#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The output of a program that has joined, opened by it once more, is the job's log and is not cut back at a restart.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mkfifo tick

launch a -- "$counter"
# shellcheck disable=SC2016 # for another shell
"$CAIRN" launch --join -n a bash -c 'exec 3>>log; n=0
	while [ ! -e stop ]; do n=$((n+1)); echo $n >&3; read -rt 0.01 <>tick; done' >>log &
joiner=$!
grows log
must 0 '^2 processes' "$CAIRN" checkpoint -n a
grows log
must 0 '' "$CAIRN" kill -n a
ended a 137
wait $joiner
echo 'a line of another' >>log
start a "$CAIRN" restart cairn-a
grows log
grep -q "a line of another" log || fail "the log has been cut back"
touch stop
tell a 'exit 3'
ended a 3
