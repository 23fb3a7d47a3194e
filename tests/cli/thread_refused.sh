#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A user who has as many processes and threads as allowed gets no checkpoint, is told why, and keeps program and
# agent: the next checkpoint is taken.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" != 0 ] || skip "root may have any number of processes"
launch a -- "$counter"
ask a 1
soft=$(prlimit --pid "${pid[a]}" --nproc -o SOFT --noheadings)
prlimit --pid "${pid[a]}" --nproc=1:
must 1 'ulimit -u' "$CAIRN" checkpoint -n a
ask a 2
no_partial cairn-a
prlimit --pid "${pid[a]}" "--nproc=${soft// /}:"
must 0 '1 process' "$CAIRN" checkpoint -n a
ask a 3
tell a "exit 5"
ended a 5
