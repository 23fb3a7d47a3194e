#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ids are below kernel.pid_max, which each PID namespace has for itself since Linux 6.14: a restart in namespaces
# keeps to that of the machine, and one that cannot have the ids says so.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

limit=$(cat /proc/sys/kernel/pid_max)
# shellcheck disable=SC2016
launch a 'echo $$; while read -r line; do cat /proc/sys/kernel/pid_max; done'
ask a "$limit"
for round in 1 2; do
	must 0 "gen-00000$round" "$CAIRN" checkpoint -n a --kill
	ended a 137
	start a "$CAIRN" restart --ids namespace cairn-a
	ask a "$limit"
done
must 0 'gen-000003' "$CAIRN" checkpoint -n a --kill
ended a 137

[ "$(id -u)" = 0 ] || exit 0 # others cannot make a namespace to try it in
[ "$(printf '%s\n' 6.14 "$(uname -r)" | sort -V | head -n 1)" = 6.14 ] || exit 0
[ "${root[a]}" -ge 400 ] || skip "the ids here are low"
# shellcheck disable=SC2016
must 125 'id [0-9]+ is too high .* kernel.pid_max is 400' unshare -pf --mount-proc \
	bash -c 'echo 400 >/proc/sys/kernel/pid_max; exec "$CAIRN" restart --ids direct cairn-a'
[ "$(cat /proc/sys/kernel/pid_max)" = "$limit" ] || fail "kernel.pid_max was changed"
