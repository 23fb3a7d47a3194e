#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where memfds cannot be executed unless a program asks for it (vm.memfd_noexec, of a pid namespace), those of a
# program that has asked come back as such.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

build=$(dirname "$CAIRN")
[ "$(id -u)" = 0 ] || skip "only root may set vm.memfd_noexec"
# shellcheck disable=SC2016
inside='echo 1 2>/dev/null >/proc/sys/vm/memfd_noexec || exit 77; exec "$@"'
unshare -pfm --mount-proc sh -c "$inside" sh true || skip "no vm.memfd_noexec here"
must 0 '' unshare -pfm --mount-proc sh -c "$inside" sh \
	"$build/tests/drive" live --mode=cairn "$build/tests/live/mem_memfd_code"
