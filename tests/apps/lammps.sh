#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# LAMMPS on two processes of MPI: positions and velocities equal to the last bit.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need lmp
app_openmpi
export OMP_NUM_THREADS=1
app_drive --at '^ +40 ' --at '^ +100 ' --result 'sha256sum <atoms.txt' -- \
	mpirun.openmpi -n 2 lmp -in "$programs/argon/melt.in" -log none
