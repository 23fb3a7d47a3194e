#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes on by itself while a program is looked at is neither lost nor told twice: requests of AIO that end in
# the middle, with what they write and the eventfd that is told of each; timers that go off.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# A pause of half a second at the point $1 of a checkpoint of live test $2, and a restart.
late() {
	start "$2" env CAIRN_FAULT="$1:late" "$CAIRN" launch -n "$2" "$(dirname "$CAIRN")/tests/live/$2"
	hear "$2"
	case $answer in
	ready*) ;;
	*) return 0 ;; # no AIO here
	esac
	must 0 '' "$CAIRN" checkpoint --kill -n "$2"
	leave "$2"
	start again "$CAIRN" restart -n "$2" "cairn-$2"
	printf p >&"${to[again]}"
	hear again
	printf g >&"${to[again]}"
	ended again 0
}

late ckpt.captured aio_busy
late ckpt.listed fd_timerfd_once
