#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# R with its package parallel: forked workers over pipes, others over TCP, LAPACK.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need Rscript
# The port that the workers connect to must not be another test's at the restart.
export R_PARALLEL_PORT=$((20000 + $$ % 10000))
app_steps -- Rscript "$programs/parallel.R"
