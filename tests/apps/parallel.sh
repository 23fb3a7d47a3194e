#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GNU parallel: short-lived processes side by side, their output in the order of the input.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need parallel
# shellcheck disable=SC2016 # for the inner shell
# Lines said between a checkpoint and the end are said again after the restart.
app_drive --at '^word 8 ' --at '^word 20 ' --result 'sort -u stdout | sha256sum' -- \
	bash -c 'seq 40 | parallel -k -j 3 "echo word {} \$(seq {}00 | sha256sum)"'
