#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xz with threads, fed through a pipe: what it writes must be the very same bytes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need xz gcc
gcc -O2 -Wall -Wextra -Werror -o feed "$programs/feed.c"
app_steps --result 'xz -t out.xz && sha256sum out.xz' -- \
	bash -c '{ ../feed 1000000 | xz -T2 -0 --block-size=1MiB >out.xz; } 3>&1'
