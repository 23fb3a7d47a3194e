#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# C++ in the shape of a Geant4 application: 256 threads of particle transport, exceptions, iostreams; the
# result is the histogram file.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need g++
g++ -std=c++17 -O2 -Wall -Wextra -Werror -pthread -o transport "$programs/transport.cc"
app_steps --result 'cat dose.txt; tail -n 1 stdout' -- "$PWD/transport"
