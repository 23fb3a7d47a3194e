#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# MPICH on one host: the launcher, its proxy and four processes that share memory.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need mpicc.mpich mpirun.mpich
mpicc.mpich -O2 -o halo "$programs/halo.c"
# Where the administrator set huge pages aside, UCX takes them as root: these are refused.
export UCX_SYSV_HUGETLB_MODE=n
app_steps -- mpirun.mpich -n 4 "$PWD/halo"
