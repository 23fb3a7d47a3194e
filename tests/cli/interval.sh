#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --interval checkpoints by itself; --keep removes what is older.
. "$TESTS/cli/counting"
started int --interval 1 --keep 2
until_true test -d ckpt/gen-000004
[ "$(find ckpt -maxdepth 1 -name 'gen-??????' | wc -l)" -le 3 ] || fail "more are kept than asked for"
expect 0 "$cairn" status -n int --json
says out '"interval_seconds": 1'
killed "$agent"
"$cairn" restart -n int ckpt 2>launch.err &
agent=$!
goes_on
ended "$agent"
