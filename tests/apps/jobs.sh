#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A shell with background jobs, subshells, a coprocess, traps, wait -n and exit statuses.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_steps -- bash "$programs/jobs.bash"
