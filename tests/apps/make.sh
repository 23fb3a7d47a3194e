#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make -j4 with gcc, cc1, as and ld: processes come and go all the time, and the job server's pipe.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need make gcc
bash "$programs/project.bash" project
# Files that the compilers remove are gone after a checkpoint that they live on from.
# Two that end at once may count the same number.
app_drive --kill --at 'step ([6-9]|1[0-9])$' --at 'step (1[3-9]|2[0-9])$' \
	--result './project/sums; ls project | wc -l' -- \
	bash -c 'cp -r ../project . && exec make -C project -j4'
