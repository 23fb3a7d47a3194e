#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OpenJDK: threads, just-in-time compiler, a concurrent garbage collector.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need java javac
javac -d . "$programs/Words.java"
app_steps -- java -Xmx192m -XX:+UseG1GC -cp "$PWD" Words
rmdir "/tmp/hsperfdata_$(id -un)" 2>/dev/null || true # the virtual machine leaves it there
