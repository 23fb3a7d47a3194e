/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking calls that were stopped half-way: a write to a full pipe of which a part is in the pipe. The
 * kernel ends them with a short count, which no program expects where nobody had sent it a signal.
 *
 * So the thread is sent on a detour: a few instructions of ours, in the unused end of its vdso, that make the
 * call for what is left, add the counts, and go back to where the program made its call. What they need
 * stands below the thread's stack pointer.
 *
 * The one rule: from the moment it is on its way the thread needs nobody: no tracer, no agent. Where the
 * detour cannot be made the count stays short, as after a signal.
 */
#pragma once

#include "trace/memory.h"
#include "trace/park.h"

struct halfway {
	/* As the program knows them: in its own call with its own arguments, or behind it with the result. */
	struct user_regs_struct regs;
	uint64_t
		done; /* bytes (or messages) before the part that is being made; in the call only */
	bool in_call;
	bool in_kernel; /* has begun it, too */
};

/* Is the stopped thread @tid, which stands with @live, on a detour? Then where is it really? */
bool halfway_look(struct halfway *h, pid_t pid, pid_t tid, const struct user_regs_struct *live,
		  const struct park_memory *memory);

/*
 * The thread stands behind the call that @regs show, with a count as result: is more to come, had it not
 * been stopped? @done bytes had been there before.
 */
bool halfway_is_short(pid_t pid, pid_t tid, const struct user_regs_struct *regs, uint64_t done);

/*
 * @regs stand in the program's own call with its own arguments (to be restarted); @done bytes of it are made.
 * Lay out the detour in the process and change @regs to begin it. The address of the code, or -errno.
 */
int64_t halfway_place(pid_t tid, struct user_regs_struct *regs, uint64_t done);

/* Put the detour's code at @code, where this process has had it: something may still go back there. */
int halfway_install(pid_t tid, uint64_t code);

/* Where the process has such code; 0: nowhere. */
uint64_t halfway_code(pid_t pid, pid_t tid, const struct park_memory *memory);
