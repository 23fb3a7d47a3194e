#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xargs -P: a pipe of names, short-lived processes side by side.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2016 # for the inner shell
# Lines said between a checkpoint and the end are said again after the restart.
app_drive --at '^word 30 ' --at '^word 80 ' --result 'sort -u stdout | sha256sum' -- \
	bash -c 'seq 160 | xargs -P 3 -I{} sh -c "echo word {} \$(seq {}00 | sha256sum)"'
