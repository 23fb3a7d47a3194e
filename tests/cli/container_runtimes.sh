#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What starts a container is refused by name before it has worked for hours.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

must 125 "'podman' starts a container, .*podman .* IMAGE cairn run -- PROGRAM" "$CAIRN" run -- podman run x
must 125 "bwrap' starts a container" "$CAIRN" launch /usr/bin/bwrap --ro-bind / / true
