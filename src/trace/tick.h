/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tick: a signal to the calling thread every few milliseconds, so that a blocking wait returns with EINTR
 * and its caller can look at the clock.
 *
 * The one rule: between tick_start and tick_stop every blocking call of this thread may give EINTR.
 * The signal is TICK_SIGNAL, used by nothing else in this program; its handler does nothing but what
 * tick_also and tick_until ask for.
 */
#pragma once

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define TICK_SIGNAL (SIGRTMAX - 1)

struct tick {
	timer_t timer;
	sigset_t old_mask;
	bool armed;
};

/*
 * For a blocking call that the kernel begins anew after a signal: called by the handler, on this thread. To
 * be set and reset right around that call. NULL: nothing.
 */
extern _Thread_local void (*tick_also)(void);

/*
 * Such a call is given up at this point in time: it returns EINTR, and has done nothing. 0: never. Likewise
 * to be set and reset right around it.
 */
extern _Thread_local int64_t tick_until;

/*
 * For the handler: where the kernel will begin a system call (anew) at the end of it, have it return EINTR
 * instead. @context is what the handler was given.
 */
void tick_give_up(void *context);

int tick_start(struct tick *tick, int64_t period_ns, struct err *err);
void tick_stop(struct tick *tick);

/* CLOCK_MONOTONIC in ns. */
static inline int64_t tick_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}
