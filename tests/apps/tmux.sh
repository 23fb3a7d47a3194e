#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tmux (server and client) with vim in it, restarted in another terminal, twice: what was typed is in the file.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need expect tmux vim
exec expect "$programs/tmux.exp"
