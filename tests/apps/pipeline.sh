#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pipeline of many stages, full pipes between them: not a byte lost, doubled or out of order.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need gcc gzip sha256sum
gcc -O2 -Wall -Wextra -Werror -o feed "$programs/feed.c"
# shellcheck disable=SC2016 # for the inner shell
app_steps --result 'cat sums' -- bash -c '
	{
		../feed 300000 | tee >(sha256sum >sum.1) | gzip -2 | cat | gzip -d | tr a-f A-F |
			while read -r -n 30000 block; do printf "%s\n" "$block"; done |
			sha256sum >sum.2
		wait
	} 3>&1
	cat sum.1 sum.2 >sums'
