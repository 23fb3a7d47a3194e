#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Redis server and redis-benchmark: many connections, pipelined requests.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need redis-server redis-benchmark redis-cli
app_steps -- bash "$programs/redis.bash"
