#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SQLite in a transaction too big for its cache: locks held, a journal half written. It writes its file
# in place, so it is killed at the moment of the checkpoint, as a job is that ends.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need sqlite3
app_steps --kill --result 'tail -n 4 stdout; sqlite3 t.db ".sha3sum"' -- \
	sqlite3 t.db ".read $programs/long.sql"
