#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A shell script that is nothing but builtins: arithmetic, arrays, patterns, here-strings, a trap.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_steps -- bash "$programs/builtins.bash"
