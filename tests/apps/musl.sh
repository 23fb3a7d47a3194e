#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Threads in a program of musl.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need musl-gcc
# Its malloc asks the kernel for each of these blocks.
musl-gcc -O2 -DROUNDS=20 -Wall -Wextra -Werror -pthread -o threads "$programs/threads.c"
app_steps -- "$PWD/threads"
