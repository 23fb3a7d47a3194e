#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Open MPI on one host: the launcher and four processes, with files that they share by mapping.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_openmpi
mpicc.openmpi -O2 -o halo "$programs/halo.c"
app_steps -- mpirun.openmpi -n 4 "$PWD/halo"
