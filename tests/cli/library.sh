#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# libcairn: a program asks for checkpoints, keeps them out, and is told of them.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# expect KEY LINE PATTERN: the program is told LINE and answers what matches PATTERN
expect() {
	tell "$1" "$2"
	heard "$1" "$3"
}

heard() {
	hear "$1"
	[[ $answer =~ ^($2)$ ]] || fail "$1 says '$answer', not '$2'"
}

# Without an agent: no-ops that say so.
said=$(printf '%s\n' enabled checkpoint begin disable enable hook dmtcp 'exit 4' | "$programs/asks")
[ $? = 4 ] || fail "without an agent: $said"
[ "$(grep -c '^0 not enabled' <<<"$said")" = 6 ] || fail 'not all say that they are not enabled'
grep -qx '0 3 -1 -1, 3 -1 -1' <<<"$said" || fail 'not as DMTCP says it'

run() {
	start asks "$@"
	hear asks
}

run "$CAIRN" launch -n asks "$programs/asks"
expect asks enabled 1
expect asks dmtcp '1 4 1 1, 4 0 0'
expect asks generation 0
expect asks checkpoint 1
expect asks generation 1
expect asks dmtcp '1 4 1 1, 4 1 0'

# A call returns twice.
must 0 '' "$CAIRN" kill
ended asks 137
start asks env FRESH=here "$CAIRN" restart cairn-asks
heard asks 2
expect asks enabled 1
expect asks generation 1
expect asks dmtcp '1 4 1 1, 4 1 1'
expect asks 'env FRESH' here
expect asks 'env NOWHERE' 'NOWHERE is not set'
expect asks 'getenv FRESH' unset
expect asks 'update FRESH' 1
expect asks 'getenv FRESH' here

# Sections: nested, a request waits or is refused when its time is over.
expect asks disable 1
expect asks disable 1
expect asks checkpoint '-[0-9]+ cairn_checkpoint.* between .*'
must 1 'does not want to be checkpointed' "$CAIRN" checkpoint -t 1
expect asks enable 1
must 1 'does not want to be checkpointed' "$CAIRN" checkpoint -t 1
must 0 '' env CAIRN_NO_WAIT=1 "$CAIRN" checkpoint
must 0 'checkpoints: 0 made, 2 failed' "$CAIRN" status
timeout 90 "$CAIRN" checkpoint >waited 2>&1 &
waits=$!
expect asks enable 1
wait $waits || fail "what had waited: $(cat waited)"
expect asks enable '-[0-9]+ .*without.*'
expect asks 'within 60' 1

# A child begins outside; its parent's section is not its own to leave.
expect asks disable 1
tell asks fork
heard asks 'child -[0-9]+'
must 1 'does not want to be checkpointed' "$CAIRN" checkpoint -t 1
expect asks enable 1
must 0 '^2 processes' "$CAIRN" checkpoint

# Hooks.
expect asks hook 1
must 0 '' "$CAIRN" checkpoint
expect asks next before
expect asks next resumed
must 0 '' "$CAIRN" kill
ended asks 137
start asks "$CAIRN" restart cairn-asks
expect asks next before
expect asks next restarted
expect asks 'hook slow' 1
must 1 'has not finished what it does before a checkpoint' "$CAIRN" checkpoint -t 1
expect asks next before
expect asks go 1
expect asks next before
expect asks next resumed
expect asks next resumed
expect asks enabled 1
tell asks 'exit 5'
ended asks 5

# No state of a connection to the agent is in the way of a checkpoint, or of a restart.
run "$CAIRN" launch -n asks "$programs/asks"
expect asks storm storm
for _ in {1..5}; do must 0 '' "$CAIRN" checkpoint; done
must 0 '' "$CAIRN" kill
ended asks 137
start asks "$CAIRN" restart cairn-asks
expect asks enabled 1
expect asks checkpoint 1
tell asks 'exit 0'
ended asks 0

# As a shared object, and after its agent has gone.
LD_LIBRARY_PATH=$(dirname "$CAIRN")/lib
export LD_LIBRARY_PATH
run "$CAIRN" launch -n asks "$programs/asks_shared"
expect asks hook 1
expect asks disable 1
must 0 '' "$CAIRN" quit
expect asks enabled '0 not enabled.*'
expect asks enable 1
tell asks 'exit 0'
leave asks

# Adopted: its agent is nobody above it.
run bash -c "'$programs/asks'; exit"
expect asks enabled '0 not enabled.*'
must 0 'computation .adopted.' "$CAIRN" adopt -n adopted "${pid[asks]}"
expect asks enabled 1
expect asks checkpoint 1
expect asks generation 1
must 0 '' "$CAIRN" kill
ended asks 137
start asks "$CAIRN" restart cairn-adopted
heard asks 2
tell asks 'exit 0'
ended asks 0

# A plugin, for a program that knows of nothing.
compile=$(command -v gcc || command -v cc) || skip 'no compiler for the example'
$compile -shared -fPIC -I "$TESTS/../include" -o plugin.so "$TESTS/../share/cairn/examples/plugin.c" \
	-L "$LD_LIBRARY_PATH" -lcairn || fail 'the example does not compile'
start plugged env SLURM_JOB_ID=1 LD_PRELOAD="$PWD/plugin.so" "$CAIRN" launch -n plugged bash -c "$counter"
hear plugged
ask plugged 1
must 0 '' "$CAIRN" checkpoint
must 0 '' "$CAIRN" kill
ended plugged 137
grep -q 'plugin: the program goes on' plugged.err || fail 'the plugin was not told of the checkpoint'
start plugged env SLURM_JOB_ID=2 "$CAIRN" restart cairn-plugged
ask plugged 2
tell plugged 'exit 0'
ended plugged 0
