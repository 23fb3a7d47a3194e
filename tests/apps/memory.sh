#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program that holds much memory: 4 GiB as root, 1 GiB as a plain user; half of it in huge pages.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gcc
gcc -O2 -Wall -Wextra -Werror -o hold "$programs/hold.c"
size=1024
[ "$(id -u)" != 0 ] || size=4096
app_drive --at '^step 1$' --at '^step 2$' -- "$PWD/hold" $size
