#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A restart keeps to the CPUs that it has been given, and a program to those of them that it has chosen.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(nproc)" -ge 2 ] || skip 'needs two CPUs'
read -r one other < <(python3 -c '
import os
print(*sorted(os.sched_getaffinity(0))[:2])')

# Says where it may run; a line with a number binds it there.
# shellcheck disable=SC2016 # for the program
where='echo ready; while read -r cpu; do [ -z "$cpu" ] || taskset -cp "$cpu" $$ >/dev/null
	sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/self/status; done'

# runs_on CPUS [CPU]: it says so, after it has been bound to CPU
runs_on() {
	tell job "${2:-}"
	hear job
	[ "$answer" = "$1" ] || fail "it may run on $answer, not on $1"
}

# again CPUS: restarted where only those are given
again() {
	must 0 '' "$CAIRN" checkpoint --kill -n job
	ended job 137
	start job taskset -c "$1" "$CAIRN" restart -n job
}

start job taskset -c "$one" "$CAIRN" launch -n job bash -c "$where"
hear job
runs_on "$one"
again "$other"
runs_on "$other"
again "$one,$other"
runs_on "$other"
runs_on "$one" "$one"
again "$one,$other"
runs_on "$one"
