/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last touch, when every thread of a process stands still: what only the agent can set, and the
 * restorer's own memory taken away.
 *
 * The one rule: finish_prepare reads before threads exist what they would change by existing; nothing
 * here lets a thread run an instruction of the program.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "trace/park.h"

#include <sys/types.h>
#include <sys/user.h>

struct finish {
	const struct model *m;
	struct user_regs_struct *regs; /* of each thread, as it will go on */
	uint64_t insn; /* a system call instruction of the program's */
};

/*
 * When memory is filled. What calls begin anew is noted in @memory. Undone by finish_done, safe on a zeroed
 * one.
 */
int finish_prepare(struct finish *f, const struct model *m, struct park_memory *memory,
		   struct err *err);
void finish_done(struct finish *f);

/*
 * Stop it as job control had, and let it go on again if that is news to its parent: before that one is
 * finished, which takes what it hears of it for news no more. All threads are in ptrace stops.
 */
int finish_stop(const struct model *m, struct err *err);

/*
 * @header: address of the plan in the process. @env: NAME=VALUE to set in its environment, or NULL. All
 * threads are in ptrace stops.
 */
int finish_process(struct finish *f, uint64_t header, char *const *env, struct err *err);
