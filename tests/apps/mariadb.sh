#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# MariaDB, which reads and writes its tables through io_uring, with more of them than it keeps in memory.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
app_need mariadbd mariadb mariadb-install-db setpriv
[ "$(id -u)" != 0 ] || chmod 711 . # the server refuses root, and becomes another
app_steps --kill --result 'tail -n 5 stdout' -- bash "$programs/mariadb.bash"
