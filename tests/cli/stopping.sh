#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An agent that is just about to stop, as its program has been stopped, is asked, or given one more program: however
# late it stops, it answers.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# stopping: computation a, whose agent will be stopped when what stopped its program has come to it too
stopping() {
	set -m # a process group of its own, in our session: signals of the terminal stop it
	start a env CAIRN_FAULT=agent.stopping:late "$CAIRN" launch -n a bash -c "$counter"
	set +m
	hear a
	root[a]=$answer
	ask a 1
	kill -TSTP -- "-${pid[a]}"
	until grep -q '^State:.T' "/proc/${root[a]}/status"; do :; done
}

goes_on() {
	kill -CONT -- "-${pid[a]}"
	ask a 2
	tell a 'exit 3'
	ended a 3
}

stopping
must 0 '^a: stopped' "$CAIRN" status -n a
goes_on
stopping
must 4 '' "$CAIRN" launch --join -n a sh -c 'exit 4'
goes_on
# One that has stopped, and stops again when it has answered.
stopping
for _ in 1 2; do
	until grep -q '^State:.T' "/proc/${pid[a]}/status"; do :; done
	must 4 '' "$CAIRN" launch --join -n a sh -c 'exit 4'
done
until grep -q '^State:.T' "/proc/${pid[a]}/status"; do :; done
goes_on
