#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A computation that is just beginning can be asked from the moment that it is found; and its name is taken.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

start a env CAIRN_FAULT=rundir.made:late "$CAIRN" launch -n a bash -c "$counter"
until [ -e "$CAIRN_RUNDIR/a/lock" ]; do kill -0 "${pid[a]}" || fail 'it has ended'; done
must 0 '^a: running' "$CAIRN" status
hear a
ask a 1
must 125 "named 'a' is running already" "$CAIRN" launch -n a true
must 0 '' "$CAIRN" checkpoint -n a
must 125 "named 'a' is running already" "$CAIRN" restart cairn-a
[ "$(wc -l <<<"$said")" = 1 ] || fail 'more than that was said'
tell a 'exit 3'
ended a 3
