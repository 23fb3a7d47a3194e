#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Open MPI with Fortran.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_openmpi
app_need mpifort.openmpi
mpifort.openmpi -O2 -o waves "$programs/waves.f90"
app_steps -- mpirun.openmpi -n 4 "$PWD/waves"
