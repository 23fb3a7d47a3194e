#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files that a restart needs and that are missing or changed are named before anything is started.
. "$TESTS/cli/counting"
cp "$count" ./program
count=./program
started fil --file "lin*=rollback" # nothing of it is kept
expect 0 "$cairn" checkpoint -n fil
killed "$agent"
mv lines kept
expect 125 "$cairn" restart -n fil ckpt
says err "$PWD/lines"
[ ! -e lines ] || fail "it was made anew"
# shorter than at the checkpoint: cannot be cut back to what it was
head -n 1 kept >lines
expect 125 "$cairn" restart -n fil ckpt
says err "$PWD/lines"
mv kept lines
# the program itself
mv program kept
expect 125 "$cairn" restart -n fil ckpt
says err "$PWD/program"
cp "$(command -v sleep)" program
expect 125 "$cairn" restart -n fil ckpt
says err "$PWD/program"
mv kept program
"$cairn" restart -n fil ckpt 2>launch.err &
agent=$!
goes_on
ended "$agent"
