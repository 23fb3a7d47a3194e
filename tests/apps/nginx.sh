#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An event-loop server, nginx, with clients on new connections and on kept ones.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
app_need nginx /usr/bin/python3
app_steps -- bash "$programs/nginx.bash"
