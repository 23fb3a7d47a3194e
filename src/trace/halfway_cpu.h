/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a detour (halfway.h) that depends on the CPU: its code, and the frame that the code reads. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

enum {
	HALFWAY_ROOM = 104, /* of the code, at the very end of the vdso */
	HALFWAY_FRAME_DOWN = 128, /* below the stack pointer: past what a function may use */
};

struct halfway_frame { /* the stack pointer points here on the detour */
	uint64_t done; /* bytes so far */
	uint64_t sp, pc, flags; /* where to go back to */
	uint64_t args[6]; /* as the program gave them */
	uint64_t rest[4], nr; /* the call for what is left: its first arguments, and its number */
	struct pollfd wait; /* what it waits for before */
	uint64_t magic[2];
};
_Static_assert(sizeof(struct halfway_frame) == 144, "known to the code");

extern const uint8_t halfway_code_bytes[HALFWAY_ROOM];

/*
 * Change @regs, in a call, to the same call made by the code at @code with @frame at @at; or to the waiting
 * that comes before it there (@waits).
 */
void halfway_enter(struct user_regs_struct *regs, uint64_t code, uint64_t at,
		   struct halfway_frame *frame, bool waits);

/* Where the code must be if a thread with this @pc stands before or behind one of its calls; 0: nowhere. */
uint64_t halfway_code_of(uint64_t pc);

/* Of a thread with its pc in the code: the address of its frame; 0 where it needs none any more. */
uint64_t halfway_frame_of(const struct user_regs_struct *regs, uint64_t code);

enum halfway_stage {
	HALFWAY_WAITS, /* in the waiting, or just behind it */
	HALFWAY_BEFORE, /* the call has not been made */
	HALFWAY_IN, /* in it, or just behind it */
	HALFWAY_MADE, /* its result is in the result register */
	HALFWAY_ADDED, /* and in the frame */
	HALFWAY_GONE, /* all registers are the program's again, but for the pc */
};
enum halfway_stage halfway_stage(const struct user_regs_struct *regs, uint64_t code);

/* The program's registers out of the frame; the result is left as it is. */
void halfway_leave(struct user_regs_struct *regs, const struct halfway_frame *frame);

/* The same in stage HALFWAY_GONE, which has no frame. */
void halfway_arrive(struct user_regs_struct *regs);
