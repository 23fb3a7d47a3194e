/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two short files below /proc/PID/task/TID: children (who was born of this thread) and syscall
 * (where a sleeping thread stands).
 *
 * The one rule: children is only dependable while the parent cannot fork or reap: parked.
 */
#pragma once

#include "procfs/scan.h"

/* The next pid of children text; false at the end. Pass a scan over the text. */
bool task_next_child(struct scan *text, int32_t *pid);

struct task_syscall {
	bool running; /* on a CPU: nothing else is known */
	int32_t nr; /* -1: blocked, but not in a system call */
	uint64_t args[6];
	uint64_t sp, pc;
};

bool task_parse_syscall(struct task_syscall *call, const char *text, size_t len);
