#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first process ends and leaves others, as daemons do that put themselves into the background: whoever waits
# for it is told, and the computation goes on with them.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# daemon FILE: what a program does to leave one behind, which writes numbers without a gap to FILE.
daemon="daemon() {
	setsid bash -c 'echo \$\$ >\$1.pid; for ((n = 1; ; n++)); do echo \$n >>\$1; sleep 0.02; done' - \$1 \
		</dev/null >/dev/null 2>&1 &
}
await() { until [ -s \$1 ]; do sleep 0.01; done; }"

# numbers FILE: each once, in order.
numbers() {
	local n=0 line
	while read -r line; do
		[ "$line" = $((++n)) ] || fail "$1 has $line as number $n"
	done <"$1"
}

# stops FILE: who writes it has ended.
stops() {
	tail --pid="$(cat "$1.pid")" -f /dev/null
	numbers "$1"
}

# Two of them. They are there when the launch has ended, and are checkpointed together.
must 7 '' "$CAIRN" launch -n a --restart-script again -- bash -c "$daemon; daemon one; daemon two; await one; await two; exit 7"
must 0 'a: running' "$CAIRN" status -n a
must 0 'gen-000001' "$CAIRN" checkpoint -n a
grows one
must 0 'gen-000002' "$CAIRN" checkpoint -n a --kill
must 1 'no computation' "$CAIRN" status -n a
stops one
stops two
[ ! -e cairn-a/finished ] || fail "what was killed counts as finished"
for round in 3 4; do
	start r "$CAIRN" restart -n a cairn-a
	grows one
	grows two
	must 0 "gen-00000$round" "$CAIRN" checkpoint -n a --kill
	stops one
	stops two
	ended r 137
done

# The restart ends with the last of them.
start r "$CAIRN" restart -n a cairn-a
grows one
grows two
must 0 '' "$CAIRN" kill -n a
must 1 'no computation' "$CAIRN" status -n a
ended r 137

# After a restart it is no different.
cat >later.sh <<END
$daemon
echo ready
read -r line
daemon three
await three
exit 5
END
start b "$CAIRN" launch -n b -- bash later.sh
hear b
must 0 'gen-000001' "$CAIRN" checkpoint -n b --kill
ended b 137
start b "$CAIRN" restart -n b cairn-b
tell b go
ended b 5
must 0 'gen-000002' "$CAIRN" checkpoint -n b
grows three
must 0 'gen-000003' "$CAIRN" checkpoint -n b --kill
start b "$CAIRN" restart -n b cairn-b
grows three
must 0 '' "$CAIRN" kill -n b
ended b 137
numbers three

# The first of them is an orphan in the session of another.
cat >orphan.sh <<'END'
write() { for ((n = 1; ; n++)); do echo $n >>$1; sleep 0.02; done; }
(write six & echo $! >six.pid)
echo $$ >five.pid
write five
END
must 0 '' "$CAIRN" launch -n d -- bash -c "$daemon; setsid bash orphan.sh </dev/null >/dev/null 2>&1 & await five; await six"
must 0 'gen-000001' "$CAIRN" checkpoint -n d --kill
stops five
stops six
start r "$CAIRN" restart -n d cairn-d
grows five
grows six
must 0 '' "$CAIRN" kill -n d
ended r 137

# The first thread of what is left has ended.
must 0 '' "$CAIRN" launch -n e -- "$BUILD/tests/cli/headless" seven
grows seven
for round in 1 2; do
	must 0 "gen-00000$round" "$CAIRN" checkpoint -n e --kill
	stops seven
	start r "$CAIRN" restart -n e cairn-e
	grows seven
done
must 0 '' "$CAIRN" kill -n e
ended r 137

# What ends by itself a moment later keeps nothing; nor is there anything to go on with after a signal.
for _ in 1 2 3 4 5; do
	must 0 'said' "$CAIRN" launch -n c -- bash -c 'echo said > >(sleep 0.05; cat)'
	must 1 'no computation' "$CAIRN" status -n c
done
# shellcheck disable=SC2016
must 0 '' bash -c 'sleep 100 >/dev/null 2>&1 & echo $! >older; exec "$CAIRN" launch -n c -- true'
must 1 'no computation' "$CAIRN" status -n c
kill "$(cat older)"
must 143 '' "$CAIRN" launch -n c -- bash -c "$daemon; daemon four; await four; kill \$\$"
must 1 'no computation' "$CAIRN" status -n c
grows four
kill "$(cat four.pid)"
stops four

# What is left has fallen to process 1, in a group whose leader has ended. Restarted in namespaces, where the agent
# is process 1, all of it ends.
[ "$(id -u)" = 0 ] || exit 0 # others cannot make a namespace whose process 1 it would fall to
cat >group.sh <<'END'
write() { for ((n = 1; ; n++)); do echo $n >>$1; sleep 0.02; done; }
(write eight & echo $! >eight.pid) </dev/null >/dev/null 2>&1
until [ -s eight ]; do sleep 0.01; done
END
cat >inside <<'END'
grows() {
	local before
	before=$(wc -c <eight)
	until [ "$(wc -c <eight)" -gt "$before" ]; do sleep 0.01; done
}
timeout 60 "$CAIRN" launch -n f bash group.sh
for _ in 1 2; do
	"$CAIRN" checkpoint -n f --kill || exit 1
	"$CAIRN" restart --ids namespace -n f cairn-f &
	grows
done
"$CAIRN" kill -n f
wait
END
must 0 'gen-000002' unshare -pf --mount-proc bash inside
numbers eight
