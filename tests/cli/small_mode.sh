#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 32-bit programs are refused by name: at launch, and where something else starts one it runs on unharmed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

compile=$(command -v gcc || command -v cc) || skip 'no compiler'
[ "$(uname -m)" = x86_64 ] || skip 'for x86-64'
# A number of dots on standard output, a hundredth of a second between them, then exit 7.
cat >small.S <<'END'
	.globl _start
_start:	mov $300, %edi
again:	mov $4, %eax
	mov $1, %ebx
	mov $dot, %ecx
	mov $1, %edx
	int $0x80
	mov $162, %eax
	mov $rest, %ebx
	xor %ecx, %ecx
	int $0x80
	dec %edi
	jnz again
	mov $1, %eax
	mov $7, %ebx
	int $0x80
	.data
dot:	.ascii "."
rest:	.long 0, 10000000
	.section .note.GNU-stack,"",@progbits
END
"$compile" -m32 -nostdlib -static -no-pie -o small small.S || skip 'no assembler for i386'
(exec 2>/dev/null && ./small | head -c 1 | grep -q .) || skip 'this kernel runs no 32-bit programs'

must 125 "'./small' is a 32-bit program" "$CAIRN" launch ./small
"$CAIRN" launch -n a -- sh -c './small; exit $?' >dots &
grows dots
must 1 'thread [0-9]* runs a 32-bit program' "$CAIRN" checkpoint -n a
must 1 'thread [0-9]* runs a 32-bit program' "$CAIRN" checkpoint -n a
status=0
wait $! || status=$?
[ $status = 7 ] || fail "it ended with $status"
[ "$(wc -c <dots)" = 300 ] || fail "$(wc -c <dots) dots"
