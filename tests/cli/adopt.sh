#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent is killed, or leaves: the program runs on, and is adopted.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

launch a -- "$counter"
must 0 'gen-000001' "$CAIRN" checkpoint
must 1 'computation .a. already' "$CAIRN" adopt "${root[a]}"
kill -KILL "${pid[a]}"
wait "${pid[a]}" 2>/dev/null
ask a 1
must 1 'no computation is running' "$CAIRN" status
must 0 "process ${root[a]} is computation 'a'" "$CAIRN" adopt -n a "${root[a]}"
ask a 2
must 0 'gen-000002' "$CAIRN" checkpoint -n a
ask a 3
must 0 "pid ${root[a]} runs on" "$CAIRN" quit -n a
ask a 4
must 0 "is computation 'bash-${root[a]}'" "$CAIRN" adopt "${root[a]}"
must 0 "cairn-bash-${root[a]}/gen-000001" "$CAIRN" checkpoint
must 0 '' "$CAIRN" kill
tail --pid="${root[a]}" -f /dev/null

# One whose first thread has ended.
start t "$(dirname "$CAIRN")/tests/live/thread_leader_gone"
hear t
must 0 "process ${pid[t]} is computation 't'" "$CAIRN" adopt -n t "${pid[t]}"
must 0 'cairn-t/gen-000001' "$CAIRN" checkpoint -n t
tell t g
ended t 0

# One that was never launched, named by what cannot be adopted.
sleep 100 >/dev/null 2>&1 &
sleeper=$!
must 0 "process $sleeper is computation 's'" "$CAIRN" adopt -n s $sleeper
must 0 'cairn-s/gen-000001' "$CAIRN" checkpoint -n s
must 0 '' "$CAIRN" quit -n s
start f env CAIRN_FOREGROUND=1 "$CAIRN" adopt -n f $sleeper
hear f
kill -0 "${pid[f]}" || fail "it has not stayed"
must 0 'cairn-f/gen-000001' "$CAIRN" checkpoint -n f
kill $sleeper
wait $sleeper 2>/dev/null
wait "${pid[f]}"
leave f
must 1 '' "$CAIRN" adopt $sleeper
must 1 'cannot be adopted' "$CAIRN" adopt 1
must 2 'PID' "$CAIRN" adopt bash

# What such a one has opened itself is not its input, though that is the same device: a restart does not put
# its own input there.
# shellcheck disable=SC2016
setsid bash -c 'exec 3</dev/null; echo $$ >id; until [ -e go ]; do sleep 0.01; done
	readlink /proc/self/fd/0 /proc/self/fd/3 >answer' </dev/null >/dev/null 2>&1 &
until [ -s id ]; do sleep 0.01; done
read -r own <id
must 0 '' "$CAIRN" adopt -n o "$own"
must 0 'cairn-o/gen-000001' "$CAIRN" checkpoint -n o --kill
wait $! 2>/dev/null
touch go
echo >input
said=$(timeout 60 "$CAIRN" restart -n o cairn-o <input 2>&1) || fail "no restart"
printf '%s\n%s\n' "$PWD/input" /dev/null | cmp - answer || fail "$(cat answer)"

# One whose parent is outside of the pid namespace that it is in, as what `podman exec` starts.
[ "$(id -u)" = 0 ] || exit 0
unshare -p -f --kill-child --mount-proc sleep 100 &
outer=$!
first=
until [ "$(cat "/proc/${first:-none}/comm" 2>/dev/null)" = sleep ]; do
	kill -0 $outer 2>/dev/null || skip 'no namespaces here'
	read -r first _ <<<"$(<"/proc/$outer/task/$outer/children")"
done
inside=(nsenter -t "$first" -p -m env -C "$PWD")
rm -f id go answer
# shellcheck disable=SC2016
"${inside[@]}" setsid bash -c 'echo $$ >id; until [ -e go ]; do sleep 0.01; done; echo "$$ $PPID" >answer' \
	</dev/null >/dev/null 2>&1 &
until [ -s id ]; do sleep 0.01; done
must 0 "is computation 'n'" "${inside[@]}" "$CAIRN" adopt -n n "$(<id)"
must 0 'cairn-n/gen-000001' "${inside[@]}" "$CAIRN" checkpoint -n n --kill
"${inside[@]}" "$CAIRN" restart cairn-n </dev/null &
touch go
until [ -s answer ]; do sleep 0.01; done
read -r id _ <answer
[ "$id" = "$(<id)" ] || fail "it has id $id, not $(<id)"
wait $!
kill -KILL $outer
wait $outer 2>/dev/null || [ $? = 137 ]
