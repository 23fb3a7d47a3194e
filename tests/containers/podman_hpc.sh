#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers as sites' wrappers start them for MPI: no filter, and the host's process ids, network, and shared
# memory. There the process ids of the program are the host's, and may be taken when it is restarted.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

containers
options=(--security-opt seccomp=unconfined --privileged --network=host --pid=host -v /dev/shm:/dev/shm)
[ ! -d /dev/mqueue ] || options+=(--ipc=host)
# Without a cgroup for it podman ends the first process of a container, which is not that of a pid namespace here.
stops=yes
[ "$(id -u)" = 0 ] || options+=(--userns keep-id)
through "" /usr/bin/python3 /bin/crew.py
