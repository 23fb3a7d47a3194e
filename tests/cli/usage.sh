#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Wrong usage: exit status 2, and a message that says what is wrong.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

must 2 'Usage: cairn COMMAND' "$CAIRN"
must 2 "no command 'frobnicate'" "$CAIRN" frobnicate
must 0 'cairn [0-9]' "$CAIRN" --version
commands=$("$CAIRN" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
	argument=
	case $command in adopt | launch | run) argument=1 ;; esac
	must 0 "^Usage: cairn $command" "$CAIRN" "$command" --help
	must 2 "cairn $command: unrecognized option '--frobnicate'" "$CAIRN" "$command" --frobnicate
	must 2 "may hold only letters" "$CAIRN" "$command" -n 'a b' $argument
	must 2 "cannot be empty" "$CAIRN" "$command" -n '' $argument
	must 2 "must not begin" "$CAIRN" "$command" -n .hidden $argument
	must 2 "longer than" "$CAIRN" "$command" -n "$(printf 'x%.0s' {1..65})" $argument
done
must 2 'which program' "$CAIRN" launch -n a
must 2 'which program' "$CAIRN" run
must 2 'which process' "$CAIRN" adopt
must 2 'one checkpoint' "$CAIRN" restart a b
must 2 '--keep' "$CAIRN" launch --keep many true
must 2 '--compress' "$CAIRN" launch --compress=lzma true
must 2 '--compress' "$CAIRN" launch --compress=zstd:99 true
must 2 '--interval' "$CAIRN" launch --interval=soon true
must 2 '--timeout' "$CAIRN" checkpoint --timeout=-1
must 2 '--ids' "$CAIRN" restart --ids=mine
must 2 "no signal 'FROB'" "$CAIRN" kill -s FROB
# Variables stand for options.
must 2 "^cairn launch: --keep .*'many'" env CAIRN_KEEP=many "$CAIRN" launch true
must 2 "^cairn prune: CAIRN_KEEP .*'many'" env CAIRN_KEEP=many "$CAIRN" prune
must 2 '^cairn run: ' env CAIRN_IDS=mine "$CAIRN" run true
must 2 '^cairn restart: ' env CAIRN_IDS=mine "$CAIRN" restart
must 2 '^cairn checkpoint: CAIRN_TIMEOUT' env CAIRN_TIMEOUT=x "$CAIRN" checkpoint
# Options of the program are its own.
must 0 '^-n--help$' "$CAIRN" launch -- printf '%s' -n --help
must 0 '^x--help$' "$CAIRN" launch printf '%s' x --help
must 125 'no-such-directory' "$CAIRN" restart no-such-directory
mkdir empty
must 125 "no complete checkpoint in 'empty'" "$CAIRN" restart empty
must 125 'gen-000009' "$CAIRN" restart empty/gen-000009
