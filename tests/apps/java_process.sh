#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OpenJDK with sub-processes: one that lives as long as the program and answers through pipes, and many short ones.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need java javac
javac -d . "$programs/Children.java"
app_steps -- java -Xmx128m -XX:+UseSerialGC -cp "$PWD" Children
rmdir "/tmp/hsperfdata_$(id -un)" 2>/dev/null || true # the virtual machine leaves it there
