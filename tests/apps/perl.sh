#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Perl: hashes, regular expressions, sorting, a file written and read back through one handle.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need perl
app_steps -- perl "$programs/words.pl"
