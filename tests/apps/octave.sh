#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GNU Octave: an interpreter with LAPACK, BLAS threads and FFTW.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need octave-cli
app_steps -- octave-cli --quiet --norc "$programs/matrix.m"
