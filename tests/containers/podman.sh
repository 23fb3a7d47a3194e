#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman, rootful and rootless: checkpointed in one container, which is removed; restarted in a new one of the
# same image, twice. The program has threads, processes, a queue, and memory and semaphores that it shares.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

containers
through "" /usr/bin/python3 /bin/crew.py
grep -q '(namespace)' "$ckpt/log" || fail "ids came in another way"
[ "$(id -u)" != 0 ] || exit 0
options=(--userns keep-id)
through 2 /usr/bin/python3 /bin/crew.py
[ -O "$work/lines" ] || fail "the program's files are not ours"
