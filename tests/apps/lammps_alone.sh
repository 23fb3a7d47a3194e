#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# LAMMPS without mpirun: Open MPI starts a daemon beside it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need lmp
app_openmpi
export OMP_NUM_THREADS=1
app_drive --at '^ +40 ' --at '^ +100 ' --result 'sha256sum <atoms.txt' -- \
	lmp -in "$programs/argon/melt.in" -log none
