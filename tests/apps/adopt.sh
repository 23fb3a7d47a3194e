#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that was already running is adopted, checkpointed, killed and restarted, twice.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gcc
gcc -O2 -Wall -Wextra -Werror -pthread -o threads "$programs/threads.c"
app_drive --adopt --at '^step 5$' --at '^step 11$' -- "$PWD/threads"
