#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# C with OpenMP: parallel loops, tasks, locks.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gcc
gcc -O2 -Wall -Wextra -Werror -fopenmp -o bodies "$programs/bodies.c" -lm
app_steps -- "$PWD/bodies"
