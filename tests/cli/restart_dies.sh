#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the agent, of its front and of what it builds, at every point of a restart: nothing half-built
# stays, the checkpoint is as it was, and the next restart works at once.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Two processes, so that there is something between the first and the last.
launch a -- "sleep 300 & trap \"kill \$!\" EXIT; $counter"
ask a 1
must 0 '' "$CAIRN" checkpoint --kill -n a
ended a 137
before=$(cd cairn-a && sha256sum gen-*/*)

die() {
	local status=0
	rm -f r.in
	mkfifo r.in
	exec {hold}<>r.in
	CAIRN_FAULT=$1 CAIRN_IDS=$2 timeout 60 "$CAIRN" restart -n r cairn-a <r.in >said 2>&1 || status=$?
	exec {hold}>&-
	said=$(cat said)
	[ $status = 125 ] || [ $status = 137 ] || fail "with $1 restart exits with $status"
	[ $status = 137 ] || [ -n "$said" ] || fail "with $1 restart says nothing"
	# What it had built must be gone when its front is; a namespace clears itself.
	[ "$2" = namespace ] || [ $status = 137 ] || gone "$1"
	[ "$(cd cairn-a && sha256sum gen-*/*)" = "$before" ] || fail "with $1 the checkpoint has changed"
}

for point in placed forked seized started child child:2 mapped filled continued rebuilt finished \
	rolled_back releasing releasing:2 releasing:3 releasing:4 taken; do
	die "restart.$point" auto
done
for point in placed seized filled releasing:3 taken; do
	die "restart.$point" namespace
done
# The front alone is killed: the agent does not let the program go. Whoever holds the pipe has ended then.
for ids in auto namespace; do
	said=$(CAIRN_FAULT=front.serving CAIRN_IDS=$ids "$CAIRN" restart -n r cairn-a 2>&1 </dev/null | cat)
	grep -q 'was killed before the program ran' <<<"$said" || fail "the agent goes on without its front"
done
start b "$CAIRN" restart -n b cairn-a
ask b 2
tell b 'exit 3'
ended b 3
