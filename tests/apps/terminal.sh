#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An interactive python3 prompt, restarted in another terminal, twice: what was typed before is known,
# lines can be edited, ^C interrupts.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need expect /usr/bin/python3
exec expect "$programs/prompt.exp"
