#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# MPI in Python: objects that are pickled, and arrays of numpy.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_openmpi
if ! /usr/bin/python3 -c 'import mpi4py, numpy'; then
	echo "mpi4py or numpy is not installed"
	exit 77
fi
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
app_steps -- mpirun.openmpi -n 3 /usr/bin/python3 "$programs/ranks.py"
