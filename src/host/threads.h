/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work done by several threads, which share it out among themselves.
 *
 * The one rule: the caller's thread works as well, so that a thread that is refused costs speed only. The
 * others have all signals blocked.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

enum { THREADS_MAX = 64 };

/* @work by @n threads (at most THREADS_MAX), the caller's among them. Returns when all are done. */
void threads_run(void *(*work)(void *arg), void *arg, int n);

/* How many: @wanted, or if that is 0 one for each CPU that this process may use. */
int threads_wanted(int wanted);

/* For number @i of some. >= 0, or -errno with @err. */
typedef int threads_step(void *arg, size_t i, struct err *err);

/*
 * @step for each of 0 to @n - 1, by @workers threads (0: as threads_wanted) where that is worth it. The error
 * of the first in order that failed; others behind it may not have been begun then.
 */
int threads_each(threads_step *step, void *arg, size_t n, int workers, struct err *err);
