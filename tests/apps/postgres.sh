#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL with pgbench: processes that share memory and semaphores, TCP, files that are written in place.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
app_need "$bin/postgres" "$bin/pgbench" setpriv
[ "$(id -u)" != 0 ] || chmod 711 . # the server refuses root, and becomes another
app_steps --kill --result 'tail -n 2 stdout' -- bash "$programs/postgres.bash" "$bin"
