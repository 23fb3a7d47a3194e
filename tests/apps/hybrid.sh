#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# MPI and OpenMP in one program: two processes of two threads, of which each sends and receives.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_openmpi
mpicc.openmpi -O2 -Wall -Wextra -Werror -fopenmp -o hybrid "$programs/hybrid.c"
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive
app_steps -- mpirun.openmpi -n 2 "$PWD/hybrid"
