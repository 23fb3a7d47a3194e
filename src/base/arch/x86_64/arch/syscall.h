/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw system calls on x86-64: number in rax, arguments in rdi rsi rdx r10 r8 r9; rcx and r11 are
 * lost; the result is -errno or a value. Source: System V ABI, AMD64 supplement, A.2.1.
 */
#pragma once

static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
