#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What processes are apart from processes refuses a checkpoint by name, and goes on: memory that two of them share,
# parts that a thread has for itself, namespaces.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# refused KEY PATTERN
refused() {
	must 1 "$2" "$CAIRN" checkpoint -n "$1"
	ask "$1" 1
	must 0 '' "$CAIRN" kill -n "$1"
	ended "$1" 137
}

while read -r what pattern; do
	launch "$what" -- "exec $programs/apart $what"
	refused "$what" "$pattern"
done <<'EOF'
memory share their memory \(CLONE_VM\)
sisters share their memory \(CLONE_VM\)
crossed shares descriptors \(CLONE_FILES\) with another one in a way that cannot be made again
thread has descriptors of its own
segments modify_ldt
EOF
launch nothing -- "exec $programs/apart nothing"
must 0 'gen-000001' "$CAIRN" checkpoint -n nothing
must 0 '' "$CAIRN" kill -n nothing
ended nothing 137

if unshare -p true 2>/dev/null; then
	launch children -- "exec $programs/apart children"
	refused children 'another process id \(for its children\) namespace'
fi
unshare -r true 2>/dev/null || exit 0
launch user -- "exec unshare -r $programs/apart nothing"
refused user 'another user namespace than the agent'
