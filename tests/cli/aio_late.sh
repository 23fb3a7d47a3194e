#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests of AIO that end while the program is looked at: what they have written, and the eventfd that is told of
# each, are as they are when the last has ended.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

start a env CAIRN_FAULT=ckpt.captured:late "$CAIRN" launch -n a "$(dirname "$CAIRN")/tests/live/aio_busy"
hear a
case $answer in
ready*) ;;
*) skip "no AIO here" ;;
esac
must 0 '' "$CAIRN" checkpoint --kill -n a
leave a
start b "$CAIRN" restart -n b cairn-a
printf p >&"${to[b]}"
hear b
printf g >&"${to[b]}"
ended b 0
