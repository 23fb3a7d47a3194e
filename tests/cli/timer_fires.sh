#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A timer that fires while its process is being looked at: it has fired or will, in the image as well.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

start a env CAIRN_FAULT=ckpt.pending:1:error "$CAIRN" launch -n a "$programs/ticks"
for tick in 0 1 2; do
	hear a
	[ "$answer" = $tick ] || fail "it says $answer, not $tick"
done
for _ in 1 2 3 4 5; do
	hear a # it has just set the timer
	must 0 '' "$CAIRN" checkpoint -n a
done
must 0 '' "$CAIRN" kill -n a
ended a 137
for generation in cairn-a/gen-*; do
	start r "$CAIRN" restart "$generation"
	hear r
	hear r
	must 0 '' "$CAIRN" kill -n a
	ended r 137
done
