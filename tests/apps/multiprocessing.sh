#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python's multiprocessing: a pool, queues, locks, shared memory, and sub-processes.
# shellcheck source=lib.sh
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need /usr/bin/python3
app_steps -- /usr/bin/python3 "$programs/pool.py"
