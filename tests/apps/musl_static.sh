#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Threads in a static program of musl.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need musl-gcc
musl-gcc -O2 -Wall -Wextra -Werror -pthread -static -o threads "$programs/threads.c"
app_steps -- "$PWD/threads"
