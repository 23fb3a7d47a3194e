#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that the kernel lets nobody trace are refused at launch, by name and with the reason.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" != 0 ] || skip "root may trace them all"
setuid=
for program in /bin/su /bin/mount /usr/bin/passwd; do
	[ ! -u $program ] || [ ! -x $program ] || setuid=$program
done
[ -n "$setuid" ] || skip "no set-user-id program here"
must 125 "cairn launch: '$setuid' changes its privileges when it starts" "$CAIRN" launch "$setuid" --help
must 125 "set-user-ID" "$CAIRN" run -n a "$setuid" --help

cp "$(command -v sleep)" unreadable
chmod 111 unreadable
must 125 "'./unreadable' can be run but not read" "$CAIRN" launch ./unreadable 0

