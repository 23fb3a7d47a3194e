#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GROMACS: molecular dynamics of water with OpenMP threads; coordinates and energies equal to the last bit.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gmx
app_water
app_drive --at 'step 500,' --at 'step 900,' \
	--result 'sed 1d out.gro | sha256sum; gmx -quiet dump -e out.edr | sha256sum' -- \
	bash -c 'exec gmx -quiet mdrun -s ../box/run.tpr -deffnm out -ntmpi 1 -ntomp 2 -reprod \
		-v -stepout 50 2>&1'
