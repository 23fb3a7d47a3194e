/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/halfway_cpu.h"

#include "trace/regs.h"

#include <stddef.h>

_Static_assert(offsetof(struct halfway_frame, sp) == 8 &&
		       offsetof(struct halfway_frame, pc) == 16 &&
		       offsetof(struct halfway_frame, flags) == 24 &&
		       offsetof(struct halfway_frame, args) == 32,
	       "known to the code");

/* A system call leaves rcx and r11 with the address and the flags behind it: so rcx is free to go back by. */
const uint8_t halfway_code_bytes[HALFWAY_ROOM] = {
	0x0f, 0x05, /*			 0: syscall */
	0x48, 0x85, 0xc0, /*		 2: test %rax, %rax */
	0x7e, 0x04, /*			 5: jle 11f: an error or an end counts nothing */
	0x48, 0x01, 0x04, 0x24, /*	 7: add %rax, (%rsp) */
	0x48, 0x8b, 0x04, 0x24, /*	11: mov (%rsp), %rax */
	0x48, 0x8b, 0x7c, 0x24, 0x20, /* 15: mov 32(%rsp), %rdi */
	0x48, 0x8b, 0x74, 0x24, 0x28, /* 20: mov 40(%rsp), %rsi */
	0x48, 0x8b, 0x54, 0x24, 0x30, /* 25: mov 48(%rsp), %rdx */
	0x4c, 0x8b, 0x54, 0x24, 0x38, /* 30: mov 56(%rsp), %r10 */
	0x4c, 0x8b, 0x44, 0x24, 0x40, /* 35: mov 64(%rsp), %r8 */
	0x4c, 0x8b, 0x4c, 0x24, 0x48, /* 40: mov 72(%rsp), %r9 */
	0x48, 0x8b, 0x4c, 0x24, 0x10, /* 45: mov 16(%rsp), %rcx */
	0x4c, 0x8b, 0x5c, 0x24, 0x18, /* 50: mov 24(%rsp), %r11 */
	0xff, 0x74, 0x24, 0x18, /*	55: push 24(%rsp) */
	0x9d, /*			59: popf */
	0x48, 0x8b, 0x64, 0x24, 0x08, /* 60: mov 8(%rsp), %rsp */
	0xff, 0xe1, /*			65: jmp *%rcx */
};

enum { HALFWAY_AT_MADE = 2, HALFWAY_AT_ADDED = 11, HALFWAY_AT_PUSHED = 59, HALFWAY_AT_GONE = 65 };

void halfway_enter(struct user_regs_struct *regs, uint64_t code, uint64_t at,
		   struct halfway_frame *frame)
{
	frame->sp = regs->rsp;
	frame->pc = regs->rip;
	frame->flags = regs->eflags & ~UINT64_C(0x10100); /* not those of a debugger: TF, RF */
	regs->rsp = at;
	regs->rip = code + REGS_INSN_LEN;
}

enum halfway_stage halfway_stage(const struct user_regs_struct *regs, uint64_t code)
{
	uint64_t at = regs->rip - code;

	if (at == HALFWAY_AT_MADE && regs_call(regs) >= 0)
		return HALFWAY_IN;
	if (at < HALFWAY_AT_MADE)
		return HALFWAY_BEFORE;
	if (at < HALFWAY_AT_ADDED)
		return HALFWAY_MADE;
	return at < HALFWAY_AT_GONE ? HALFWAY_ADDED : HALFWAY_GONE;
}

uint64_t halfway_frame_of(const struct user_regs_struct *regs, uint64_t code)
{
	uint64_t at = regs->rip - code;

	if (at >= HALFWAY_AT_GONE)
		return 0;
	return at == HALFWAY_AT_PUSHED ? regs->rsp + 8 : regs->rsp;
}

void halfway_leave(struct user_regs_struct *regs, const struct halfway_frame *frame)
{
	for (unsigned int i = 0; i < 6; i++)
		regs_set_arg(regs, i, frame->args[i]);
	regs->rcx = regs->rip = frame->pc;
	regs->r11 = frame->flags;
	regs->eflags = frame->flags;
	regs->rsp = frame->sp;
}

void halfway_arrive(struct user_regs_struct *regs)
{
	regs->rip = regs->rcx;
}
