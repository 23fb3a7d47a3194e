#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Node.js: an HTTP server, with clients in a child process.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need node
app_steps -- node "$programs/http.js"
