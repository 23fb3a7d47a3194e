#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Threads in a static program.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gcc
gcc -O2 -Wall -Wextra -Werror -pthread -static -o threads "$programs/threads.c"
app_steps -- "$PWD/threads"
