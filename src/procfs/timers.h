/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/timers: the POSIX timers of a process, four lines each. Source: fs/proc/base.c,
 * show_timer. Times and overruns are not in it.
 *
 * The one rule: timers_next takes whole timers only.
 */
#pragma once

#include "procfs/scan.h"

enum { TIMERS_SIGNAL, TIMERS_NONE, TIMERS_THREAD }; /* SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD */

struct timers_timer {
	int32_t id;
	int32_t signo;
	uint64_t value; /* sigev_value */
	uint32_t notify; /* TIMERS_* */
	bool thread; /* SIGEV_THREAD_ID: target is a TID */
	int32_t target; /* PID or TID, in the reader's pid namespace */
	int32_t clock;
};

struct timers_cursor {
	struct scan text;
	bool bad; /* what stands at text.at is no timer */
};

static inline struct timers_cursor timers_over(const char *text, size_t len)
{
	return (struct timers_cursor){ .text = scan_over(text, len) };
}

bool timers_next(struct timers_cursor *c, struct timers_timer *timer);
