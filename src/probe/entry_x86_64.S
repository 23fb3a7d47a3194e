/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of the probe that C cannot say. See probe.c. */

	.section .text.entry, "ax"
	.globl probe_entry
	.hidden probe_entry
	/* The tracer lets a thread begin here: rdi is the job, the stack is the slot's. */
probe_entry:
	call probe_main
	hlt

	.text
	.globl probe_leave
	.hidden probe_leave
	/*
	 * probe_leave(regs, sigmask): take the signal mask and all registers of the program and go on
	 * there. iretq is the one instruction that sets rip, rsp and rflags at once, from memory.
	 */
probe_leave:
	mov %rdi, %rsp
	mov $2, %edi /* SIG_SETMASK */
	xor %edx, %edx
	mov $8, %r10d
	mov $14, %eax /* rt_sigprocmask */
	syscall
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	lea 8(%rsp), %rsp /* orig_rax */
	iretq

	.globl probe_spawn
	.hidden probe_spawn
	/* probe_spawn(flags, stack, job): clone; the child runs probe_helper(job) and never returns. */
probe_spawn:
	mov %rdx, %r8
	xor %edx, %edx
	xor %r10d, %r10d
	mov $56, %eax /* clone */
	syscall
	test %rax, %rax
	jz 1f
	ret
1:	mov %r8, %rdi
	call probe_helper
	hlt

	.section .note.GNU-stack, "", @progbits
