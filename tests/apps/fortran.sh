#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fortran with OpenMP and its run-time library.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gfortran
gfortran -O2 -Wall -Werror -fopenmp -o heat "$programs/heat.f90"
app_steps -- "$PWD/heat"
