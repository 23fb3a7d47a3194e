#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same in Fortran.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need mpifort.mpich mpirun.mpich
mpifort.mpich -O2 -o waves "$programs/waves.f90"
# Where the administrator set huge pages aside, UCX takes them as root: these are refused.
export UCX_SYSV_HUGETLB_MODE=n
app_steps -- mpirun.mpich -n 4 "$PWD/waves"
