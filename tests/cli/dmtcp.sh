#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DMTCP's commands over Cairn: what scripts give them and read from them.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTS/lib/coordinators"
export PATH="$TESTS/../share/cairn/dmtcp/bin:$PATH"
unset DMTCP_COORD_HOST DMTCP_COORD_PORT

# The words that deployed scripts count: 6 is NUM_PEERS=, 7 is RUNNING=.
words() {
	local -a x
	mapfile -t x < <(dmtcp_command -s | tr -s ' \n' '\n')
	[ "${x[6]} ${x[7]}" = "$1" ] || fail "words 6 and 7 are ${x[6]} ${x[7]}, not $1"
}

gone() {
	timeout 60 flock "$CAIRN_RUNDIR/.dmtcp-$1/lock" true 2>/dev/null
	[ ! -e "$CAIRN_RUNDIR/.dmtcp-$1/settings" ] || fail "the coordinator at $1 is still there"
}

# Nobody there, and wrong use.
must 2 'Coordinator not found' dmtcp_command -p 40001 -s
must 2 '"type":"status".*"error_code":"coordinator_not_found"' dmtcp_command -p 40001 --json -s
must 2 '"type":"checkpoint".*"coordinator_host":"no \\"such\\" host"' dmtcp_command -h 'no "such" host' --json -bc
must 2 '"type":"unknown".*"error_code":"invalid_command"' dmtcp_command --json -p 12x -s
must 2 '"error_code":"invalid_command"' dmtcp_command --json --nonsense
must 1 'usage' dmtcp_command
must 1 'number of seconds' dmtcp_command -i12x
must 1 'usage' dmtcp_command --nonsense
must 99 'no coordinator at port 40001' dmtcp_launch -j -p 40001 true
must 99 'which program' dmtcp_launch
must 99 'no option' dmtcp_launch --nonsense true
must 99 'CAIRN_FILE=' dmtcp_launch --checkpoint-open-files true
must 99 'plugins of DMTCP' dmtcp_launch --with-plugin x.so true
must 99 'other hosts' dmtcp_launch -h nowhere.invalid true
must 99 'a port is a number' dmtcp_coordinator -p 123456
must 99 'which checkpoint' dmtcp_restart
must 99 "no checkpoint 'none'" dmtcp_restart none
must 3 'ignored' dmtcp_launch --new-coordinator --ckpt-signal 10 sh -c 'exit 3'
must 3 'checkpoints' dmtcp_nocheckpoint sh -c 'exit 3'

# What is typed is heard, from the first moment on.
said=$(printf '%s\n' s 'i 7' status Kc q | timeout 60 dmtcp_coordinator -q -p 0 2>&1) || fail 'typed commands'
for answer in RUNNING=no 'changed to 7' CKPT_INTERVAL=7 'no connected processes'; do
	grep -q "$answer" <<<"$said" || fail "no '$answer'"
done

# The coordinator first, then what joins it.
must 0 '' dmtcp_coordinator --daemon --exit-on-last -p 0 --port-file port --status-file state -i 300
DMTCP_COORD_PORT=$(<port)
DMTCP_COORD_HOST=$(uname -n)
export DMTCP_COORD_HOST DMTCP_COORD_PORT
grep -qx "Port: $DMTCP_COORD_PORT" state || fail 'the status file lacks the port'
must 99 'is at port' dmtcp_coordinator --daemon -p "$DMTCP_COORD_PORT"
words 'NUM_PEERS=0 RUNNING=no'
must 2 'no connected processes' dmtcp_command -c

start app dmtcp_launch --join-coordinator --no-gzip bash -c "$counter"
hear app
words 'NUM_PEERS=1 RUNNING=yes'
must 0 'CKPT_INTERVAL=300' dmtcp_command -s
must 0 'Interval changed to 500' dmtcp_command -i 500
must 0 '"num_peers":1,"running":true,"checkpoint_interval":500}' dmtcp_command --json --status
must 0 "1, bash\[$answer:$answer\]@" dmtcp_command -l
ask app 1
compgen -G './*restart_script*' >/dev/null && fail 'there is a script to restart from nothing'
must 0 '' dmtcp_command -bc
[ -x dmtcp_restart_script.sh ] || fail 'no dmtcp_restart_script.sh'
ask app 2
must 0 '' dmtcp_command -c
must 0 '"ok":true' dmtcp_command --json -kc
ended app 137
gone "$DMTCP_COORD_PORT"

# From the script, with a coordinator of its own; and with one that is there already, by the images' names.
unset DMTCP_COORD_PORT DMTCP_COORD_HOST
rm port
start app ./dmtcp_restart_script.sh -q --new-coordinator --port-file port
ask app 3
DMTCP_COORD_PORT=$(<port)
export DMTCP_COORD_PORT
words 'NUM_PEERS=1 RUNNING=yes'
must 0 '' dmtcp_command --checkpoint
must 0 '' dmtcp_command --bcheckpoint
must 0 '' dmtcp_command -q
ended app 137
gone "$DMTCP_COORD_PORT"
must 0 '' dmtcp_coordinator --daemon --exit-on-last -p 0 --port-file port
DMTCP_COORD_PORT=$(<port)
start app dmtcp_restart -j -i 100 ckpt_bash_*.dmtcp
ask app 4
must 0 'CKPT_INTERVAL=100' dmtcp_command -s

# Its end is noted, and not restarted.
must 0 '' dmtcp_command -bc
tell app 'exit 6'
ended app 6
gone "$DMTCP_COORD_PORT"
must 6 'has finished, with status 6' ./dmtcp_restart_script.sh

# Two under one coordinator, in a directory of their own; killed after their checkpoint.
rm -r ckpt_* dmtcp_restart_script.sh
mkdir images
export DMTCP_CHECKPOINT_DIR=images
must 0 '' dmtcp_coordinator --daemon --exit-on-last --exit-after-ckpt -p 0 --port-file port
DMTCP_COORD_PORT=$(<port)
for one in first second; do
	start $one dmtcp_launch -j bash -c "$counter"
	hear $one
	ask $one 1
done
words 'NUM_PEERS=2 RUNNING=yes'
must 0 '' dmtcp_command -bc
ended first 137
ended second 137
gone "$DMTCP_COORD_PORT"
unset DMTCP_COORD_PORT
rm port
start both images/dmtcp_restart_script.sh --new-coordinator --port-file port
until_true [ -s port ]
DMTCP_COORD_PORT=$(<port)
export DMTCP_COORD_PORT
until_true peers 2
words 'NUM_PEERS=2 RUNNING=yes'
must 0 '' dmtcp_command -k
wait "${pid[both]}"
leave both
gone "$DMTCP_COORD_PORT"
