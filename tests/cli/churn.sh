#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Threads come and go so fast that their ids are others' a moment later: what was seen of one is not held against
# the next.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "only root may make a PID namespace and set its kernel.pid_max"
[ "$(printf '%s\n' 6.14 "$(uname -r)" | sort -V | head -n 1)" = 6.14 ] || skip "kernel.pid_max is the machine's"

cat >inside <<'END'
echo 2000 >/proc/sys/kernel/pid_max
mkfifo out
"$CAIRN" launch -n a --keep 1 "$BUILD/tests/cli/churn" >out &
read -r line <out
for ((i = 1; i <= 10; i++)); do
	"$CAIRN" checkpoint -n a --timeout 30 >said 2>&1 || { cat said; exit 1; }
done
"$CAIRN" kill -n a
wait
END
must 0 '' unshare -pf --mount-proc bash inside
