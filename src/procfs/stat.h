/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/stat: one line. The name stands in parentheses and may hold anything, also ") R 1 (";
 * only the last parenthesis of the line ends it.
 *
 * The one rule: addresses and exit_code read as 0 (or 1) where the reader may not ptrace the task.
 */
#pragma once

#include "base/err.h"
#include "procfs/scan.h"

struct stat_line {
	int64_t pid; /* as the reader's pid namespace has it, as are all ids here */
	char comm[64]; /* a kernel thread's may be longer than 16 */
	char state;
	int64_t ppid, pgrp, session;
	int64_t tty_nr; /* device number, 0: none */
	int64_t tpgid; /* foreground group of that terminal, -1: none */
	uint64_t flags; /* PF_* */
	uint64_t min_flt, maj_flt;
	uint64_t utime, stime; /* clock ticks */
	int64_t cutime, cstime; /* of waited-for children, clock ticks */
	int64_t priority, nice, num_threads;
	uint64_t start_time; /* clock ticks since boot */
	uint64_t vsize; /* bytes */
	uint64_t rss; /* pages */
	uint64_t start_code, end_code, start_stack;
	uint64_t kstk_esp, kstk_eip;
	uint64_t sig_caught; /* bit n-1, up to 31 */
	uint64_t start_data, end_data, start_brk;
	uint64_t arg_start, arg_end, env_start, env_end;
	int64_t exit_signal, exit_code; /* exit_code as wait(2) gives it */
	int64_t processor;
	uint64_t rt_priority, policy;
};

/* -EBADMSG with a message where the line makes no sense. */
int stat_parse(struct stat_line *stat, const char *text, size_t len, struct err *err);
