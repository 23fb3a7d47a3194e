#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Settings of mappings that only smaps tells are supposed to be what they were at the last checkpoint. Where they
# are not, the checkpoint finds out and is taken again: none has them wrong.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# do_ WHAT: the program does it.
do_() {
	tell s "$1"
	hear s
	[ "$answer" = "done" ] || fail "after '$1': $answer"
}

# taken WANTED AGAIN: a checkpoint; killed and restarted, mappings have the settings WANTED (fork, wipe, huge).
# AGAIN: whether it should have been taken a second time.
taken() {
	local again
	must 0 '1 process' "$CAIRN" checkpoint -n s
	again=$(grep -c 'confirm: ' "$(find cairn-s -name log | sort | tail -n 1)")
	[ "$again" = "$2" ] || fail "settings $1: wrong $again times, not $2"
	do_ "check $1"
}

start s "$CAIRN" launch -n s "$programs/settings"
hear s
taken 000 0
do_ 'wipe 1'
taken 010 1
taken 010 0
do_ 'huge 1'
taken 011 0
do_ 'fork 1'
taken 111 1
taken 111 0
do_ 'wipe 0'
do_ 'fork 0'
taken 001 0
do_ 'wipe 1'
taken 011 1
taken 011 0
must 0 '' "$CAIRN" kill -n s
ended s 137
start s "$CAIRN" restart cairn-s
do_ 'check 011'
taken 011 1
leave s
wait "${pid[s]}" || fail "ends with $?"
