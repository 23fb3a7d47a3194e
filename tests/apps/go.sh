#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Go: a run-time library of its own, goroutines, preemption by signals, garbage collection.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
app_need go
go build -o sieve "$programs/sieve.go"
app_steps -- "$PWD/sieve"
