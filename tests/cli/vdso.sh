#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A thread that is found in the kernel's code for clocks is restarted where that code's data is elsewhere: from inside of
# a time namespace to outside, and back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip 'only root gets ids back directly as well as in namespaces'
unshare --time true 2>/dev/null || skip 'no time namespaces here'
clock=$(dirname "$CAIRN")/tests/cli/clock
"$CAIRN" launch -n a -d ck -- "$clock" ticks 2>a.err &
grows ticks
must 0 '' "$CAIRN" checkpoint -n a --kill
wait $!
for ids in namespace direct namespace direct namespace direct; do
	"$CAIRN" restart --ids $ids -n a ck 2>a.err &
	grows ticks
	must 0 '' "$CAIRN" checkpoint -n a --kill
	status=0
	wait $! || status=$?
	[ $status = 137 ] || fail "it ended with $status where it was restarted by '$ids'"
done
