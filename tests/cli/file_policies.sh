#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --file: what a restart does with files that the program has gone on writing since the checkpoint.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Counts as the counter does; writes files that it keeps open, and others for a moment each.
# shellcheck disable=SC2016 # it is the program's
writer='echo $$; exec 3>>cut.log 4>>kept.txt 5>small; n=0; while read -r l; do
	[ -z "$l" ] || { cat "$l"; continue; }
	n=$((n+1)); echo $n >&3; echo $n >&4; echo $n >>closed.log; echo $n >whole; echo $n >new; mv new small; echo $n; done'

holds() {
	[ "$(cat "$1")" = "$2" ] || fail "$1 holds '$(cat "$1")', not '$2'"
}

must 2 "keep, rollback or save is wanted, not 'x=forget'" "$CAIRN" launch --file x=forget true
must 2 'is wanted' env CAIRN_FILE='a=save:b' "$CAIRN" launch true

mkdir real
ln -s real linked
cd linked || exit 1 # the program's files have other names than where we think to be
# A pattern that is meant for the program's files in /tmp also fits those of others.
others=/etc/shadow
[ ! -r "$others" ] || others=none
CAIRN_FILE="whole=keep:kept.*=save:$others=save" launch a --file 'cut*=rollback' --file "$PWD/closed.log=rollback" \
	--file './who[l]e=save' --file 'kept.txt=keep' -- "$writer"
for n in 1 2 3; do ask a $n; done
must 0 '' "$CAIRN" checkpoint
for n in 4 5; do ask a $n; done
must 0 '' "$CAIRN" kill
ended a 137
rm small whole
start a "$CAIRN" restart -n a cairn-a
ask a 4
holds cut.log "$(seq 4)"
holds closed.log "$(seq 4)"
holds kept.txt "$(seq 5; echo 4)"
holds whole 4
# What was said holds on in the restarted one.
must 0 '' "$CAIRN" checkpoint
ask a 5
must 0 '' "$CAIRN" kill
ended a 137
start a "$CAIRN" restart -n a cairn-a
ask a 5
holds closed.log "$(seq 5)"
must 0 '' "$CAIRN" kill
ended a 137

# The file that was saved is there again before the program has written it anew; the others must be there.
mv closed.log away
must 125 "closed.log' is missing" "$CAIRN" restart -n a cairn-a
head -n 1 away >closed.log
must 125 "closed.log' has only 2 of the 8 bytes" "$CAIRN" restart -n a cairn-a
mv away closed.log
echo garbage >whole
start a "$CAIRN" restart -n a cairn-a
tell a whole
hear a
[ "$answer" = 4 ] || fail "whole holds '$answer', not 4"
leave a
wait
