/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupted system calls: what the kernel does not restart by itself is made to restart, and what
 * a parked thread stands in is found out.
 *
 * The one rule: a call is only repaired where starting it again is what it would have done without us.
 */
#pragma once

#include "base/err.h"
#include "trace/calls.h"
#include "trace/park.h"

/* What has to be done at the last moment: so that the pause itself counts as time that has passed. */
struct repair_late {
	pid_t pid, tid;
	const struct calls_call *call;
	uint64_t at; /* where the time stands in memory, if it does */
	int64_t deadline_ns;
};

struct repair_list {
	struct repair_late *at;
	size_t n, room;
};

/*
 * Look at the registers of a stopped thread of @pid (t->regs filled), repair them in the thread and in
 * @t, and set t->syscall and t->time_left_ns.
 */
int repair_thread(pid_t pid, struct park_thread *t, struct park_memory *memory,
		  struct repair_list *late, struct err *err);

/* Just before everything is let go. */
void repair_list_do(const struct repair_list *late);
void repair_list_done(struct repair_list *late);
