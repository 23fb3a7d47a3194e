/* SPDX-License-Identifier: Apache-2.0 */
/* Moving to another stack, where C cannot say it. */
#pragma once

#include "arch/syscall.h"

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_ALIGN = 16 };

/*
 * Go to @entry(@a, @b) on the stack that ends at @top, for good. No operand may be in rbp, which is cleared
 * on the way.
 */
static inline void __attribute__((noreturn))
stack_jump(void *top, void (*entry)(void *, void *), void *a, void *b)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%1\n\t"
			 "ud2"
			 :
			 : "a"(top), "c"(entry), "D"(a), "S"(b)
			 : "memory");
	__builtin_unreachable();
}

/*
 * clone3 for a thread that starts in @entry(@arg) on the stack named in the clone_args. Returns in
 * the caller only: the new id, or -errno. @entry must not return.
 */
static inline long stack_clone3(void *clone_args, size_t size, void (*entry)(void *), void *arg)
{
	register void *r8 __asm__("r8") = (void *)entry;
	register void *r9 __asm__("r9") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(__NR_clone3), "D"(clone_args), "S"(size), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/*
 * clone, for where clone3 is refused: a thread that starts in @entry(@a, @b) on the stack that ends at @top;
 * @ended is cleared, and a futex there woken, when it ends. As stack_clone3 otherwise.
 */
static inline long stack_clone(uint64_t flags, void *top, uint32_t *ended,
			       void (*entry)(void *, void *), void *a, void *b)
{
	register void *r10 __asm__("r10") = ended;
	register uint64_t r8 __asm__("r8") = 0;
	register void *r9 __asm__("r9") = (void *)entry;
	register void *r12 __asm__("r12") = a;
	register void *r13 __asm__("r13") = b;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "mov %%r13, %%rsi\n\t"
			 "call *%%r9\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(__NR_clone), "D"(flags), "S"(top), "d"(0L), "r"(r10), "r"(r8),
			   "r"(r9), "r"(r12), "r"(r13)
			 : "rcx", "r11", "memory");
	return ret;
}

/* clone of what ends at once, without a look at its stack, which is ours. Its id, or -errno. */
static inline long stack_clone_ended(uint64_t flags)
{
	register uint64_t r10 __asm__("r10") = 0;
	register uint64_t r8 __asm__("r8") = 0;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[exit], %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret), "+D"(flags)
			 : "a"(__NR_clone), "S"(0L), "d"(0L), "r"(r10),
			   "r"(r8), [exit] "i"(__NR_exit)
			 : "rcx", "r11", "memory");
	return ret;
}
