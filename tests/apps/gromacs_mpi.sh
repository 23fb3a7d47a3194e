#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GROMACS over MPI: two processes with domain decomposition; coordinates equal to the last bit.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gmx gmx_mpi mpirun.openmpi
app_openmpi
app_water
export OMP_NUM_THREADS=1
app_drive --at 'step 50,' --at 'step 100,' --result 'sed 1d out.gro | sha256sum' -- \
	bash -c 'exec mpirun.openmpi -n 2 gmx_mpi -quiet mdrun -s ../box/run.tpr -deffnm out -reprod \
		-nsteps 150 -v -stepout 10 2>&1'
