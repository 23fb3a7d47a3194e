/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call made by every thread of a parked process, one after the other: for what the kernel does
 * for the thread alone that asks, or whenever it comes by.
 *
 * The one rule: the call must be one that returns at once, and that the thread cannot tell it has made.
 */
#pragma once

#include "base/err.h"
#include "trace/park.h"

struct errand {
	long nr;
	uint64_t args[6];
};

/*
 * Each of @n @errands, by each thread that stands. @told, with @context: the result (-errno) of each; may
 * be NULL. -EPERM where a seccomp filter forbids to make calls for us.
 */
typedef void errand_told(void *context, size_t which, long result);
int errand_run(struct park *park, const struct park_process *process, const struct errand *errands,
	       size_t n, errand_told *told, void *context, struct err *err);
