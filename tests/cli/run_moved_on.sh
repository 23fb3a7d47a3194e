#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program had a file open at its newest checkpoint that it has removed since: cairn run steps back over
# that checkpoint and says so; cairn restart names the one before.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Counts; "open" opens a file of more than is kept unasked, "remove" removes it.
# shellcheck disable=SC2016 # it is the program's
mover='echo $$; n=0; while read -r l; do case $l in
	open) exec 3>big; head -c 2000000 /dev/zero >&3;;
	remove) exec 3>&-; rm big;; esac; n=$((n+1)); echo $n; done'

job() {
	start job "$CAIRN" run -n job bash -c "$mover"
}

job
hear job
ask job 1
must 0 '' "$CAIRN" checkpoint
tell job open
hear job
must 0 '' "$CAIRN" checkpoint
tell job remove
hear job
must 0 '' "$CAIRN" kill
ended job 137

must 125 "big' is missing.*the one before is .*gen-000001" "$CAIRN" restart cairn-job
job
ask job 2
grep -q "gen-000002': '.*big' is missing.*trying the checkpoint before" job.err ||
	fail 'it is not said what is missing'
grep -q 'going on from .*/gen-000001' job.err || fail 'it is not said what it goes on from'
leave job
wait
