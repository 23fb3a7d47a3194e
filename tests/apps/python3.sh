#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python with threads, numpy and its BLAS threads.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need /usr/bin/python3
if ! /usr/bin/python3 -c 'import numpy'; then
	echo "numpy is not installed"
	exit 77
fi
app_steps -- /usr/bin/python3 "$programs/threads.py"
