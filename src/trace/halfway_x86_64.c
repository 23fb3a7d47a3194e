/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/halfway_cpu.h"

#include "trace/regs.h"

#include <stddef.h>

_Static_assert(offsetof(struct halfway_frame, sp) == 8 &&
		       offsetof(struct halfway_frame, pc) == 16 &&
		       offsetof(struct halfway_frame, flags) == 24 &&
		       offsetof(struct halfway_frame, args) == 32 &&
		       offsetof(struct halfway_frame, rest) == 80 &&
		       offsetof(struct halfway_frame, nr) == 112,
	       "known to the code");

/* A system call leaves rcx and r11 with the address and the flags behind it: so rcx is free to go back by. */
const uint8_t halfway_code_bytes[HALFWAY_ROOM] = {
	0x0f, 0x05, /*			 0: syscall */
	0x48, 0x85, 0xc0, /*		 2: test %rax, %rax */
	0x7e, 0x24, /*			 5: jle 43f: a handler has run */
	0x48, 0x8b, 0x7c, 0x24, 0x50, /*  7: mov 80(%rsp), %rdi */
	0x48, 0x8b, 0x74, 0x24, 0x58, /* 12: mov 88(%rsp), %rsi */
	0x48, 0x8b, 0x54, 0x24, 0x60, /* 17: mov 96(%rsp), %rdx */
	0x4c, 0x8b, 0x54, 0x24, 0x68, /* 22: mov 104(%rsp), %r10 */
	0x48, 0x8b, 0x44, 0x24, 0x70, /* 27: mov 112(%rsp), %rax */
	0x0f, 0x05, /*			32: syscall */
	0x48, 0x85, 0xc0, /*		34: test %rax, %rax */
	0x7e, 0x04, /*			37: jle 43f: an error or an end counts nothing */
	0x48, 0x01, 0x04, 0x24, /*	39: add %rax, (%rsp) */
	0x48, 0x8b, 0x04, 0x24, /*	43: mov (%rsp), %rax */
	0x48, 0x8b, 0x7c, 0x24, 0x20, /* 47: mov 32(%rsp), %rdi */
	0x48, 0x8b, 0x74, 0x24, 0x28, /* 52: mov 40(%rsp), %rsi */
	0x48, 0x8b, 0x54, 0x24, 0x30, /* 57: mov 48(%rsp), %rdx */
	0x4c, 0x8b, 0x54, 0x24, 0x38, /* 62: mov 56(%rsp), %r10 */
	0x4c, 0x8b, 0x44, 0x24, 0x40, /* 67: mov 64(%rsp), %r8 */
	0x4c, 0x8b, 0x4c, 0x24, 0x48, /* 72: mov 72(%rsp), %r9 */
	0x48, 0x8b, 0x4c, 0x24, 0x10, /* 77: mov 16(%rsp), %rcx */
	0x4c, 0x8b, 0x5c, 0x24, 0x18, /* 82: mov 24(%rsp), %r11 */
	0xff, 0x74, 0x24, 0x18, /*	87: push 24(%rsp) */
	0x9d, /*			91: popf */
	0x48, 0x8b, 0x64, 0x24, 0x08, /* 92: mov 8(%rsp), %rsp */
	0xff, 0xe1, /*			97: jmp *%rcx */
};

enum {
	HALFWAY_AT_WAITED = 2,
	HALFWAY_AT_READY = 7, /* there is room, or whatever else ends the waiting */
	HALFWAY_AT_CALL = 32,
	HALFWAY_AT_MADE = 34,
	HALFWAY_AT_ADDED = 43,
	HALFWAY_AT_PUSHED = 91,
	HALFWAY_AT_GONE = 97,
	HALFWAY_PAGE = 4096, /* at whose end the code ends */
};

void halfway_enter(struct user_regs_struct *regs, uint64_t code, uint64_t at,
		   struct halfway_frame *frame, bool waits)
{
	frame->sp = regs->rsp;
	frame->pc = regs->rip;
	frame->flags = regs->eflags & ~UINT64_C(0x10100); /* not those of a debugger: TF, RF */
	regs->rsp = at;
	regs->rip = code + (waits ? HALFWAY_AT_WAITED : HALFWAY_AT_MADE);
}

uint64_t halfway_code_of(uint64_t pc)
{
	static const uint8_t calls[] = { 0, HALFWAY_AT_WAITED, HALFWAY_AT_CALL, HALFWAY_AT_MADE };

	for (size_t i = 0; i < sizeof(calls); i++)
		if ((pc - calls[i] + HALFWAY_ROOM) % HALFWAY_PAGE == 0)
			return pc - calls[i];
	return 0;
}

enum halfway_stage halfway_stage(const struct user_regs_struct *regs, uint64_t code)
{
	uint64_t at = regs->rip - code;

	if (at == HALFWAY_AT_WAITED && regs_call(regs) >= 0)
		return HALFWAY_WAITS;
	if (at >= HALFWAY_AT_WAITED && at < HALFWAY_AT_READY)
		return regs_result(regs) > 0 ? HALFWAY_BEFORE : HALFWAY_ADDED;
	if (at < HALFWAY_AT_MADE)
		return HALFWAY_BEFORE;
	if (at == HALFWAY_AT_MADE && regs_call(regs) >= 0)
		return HALFWAY_IN;
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
