#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python's asyncio: an echo server with clients in other processes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need /usr/bin/python3
app_steps -- /usr/bin/python3 "$programs/asyncio_echo.py"
