#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Timers that go off while the program is looked at are neither lost nor told twice.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

start a env CAIRN_FAULT=ckpt.listed:late "$CAIRN" launch -n a "$(dirname "$CAIRN")/tests/live/fd_timerfd_once"
hear a
must 0 '' "$CAIRN" checkpoint --kill -n a
leave a
start b "$CAIRN" restart -n b cairn-a
printf p >&"${to[b]}"
hear b
printf g >&"${to[b]}"
ended b 0
