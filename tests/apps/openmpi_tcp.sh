#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Open MPI over TCP connections only.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_openmpi
mpicc.openmpi -O2 -o halo "$programs/halo.c"
app_steps -- mpirun.openmpi --mca btl tcp,self -n 4 "$PWD/halo"
