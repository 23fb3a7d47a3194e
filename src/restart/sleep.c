/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/sleep.h"

#include "trace/regs.h"
#include "trace/remote.h"

#include <asm/unistd.h>
#include <linux/futex.h>
#include <time.h>

enum sleep_form {
	SLEEP_TIMESPEC, /* pointer to seconds and nanoseconds */
	SLEEP_TIMEVAL, /* pointer to seconds and microseconds */
	SLEEP_MILLISECONDS, /* the argument itself */
	SLEEP_URING, /* pointer to struct io_uring_getevents_arg, whose last field points to a timespec */
};

struct sleep_call {
	long nr;
	unsigned int arg;
	enum sleep_form form;
};

static const struct sleep_call sleep_calls[] = {
	{ __NR_nanosleep, 0, SLEEP_TIMESPEC },	     { __NR_clock_nanosleep, 2, SLEEP_TIMESPEC },
	{ __NR_futex, 3, SLEEP_TIMESPEC },	     { __NR_ppoll, 2, SLEEP_TIMESPEC },
	{ __NR_pselect6, 4, SLEEP_TIMESPEC },	     { __NR_rt_sigtimedwait, 2, SLEEP_TIMESPEC },
	{ __NR_semtimedop, 3, SLEEP_TIMESPEC },	     { __NR_io_getevents, 4, SLEEP_TIMESPEC },
	{ __NR_epoll_pwait2, 3, SLEEP_TIMESPEC },    { __NR_select, 4, SLEEP_TIMEVAL },
	{ __NR_poll, 2, SLEEP_MILLISECONDS },	     { __NR_epoll_wait, 3, SLEEP_MILLISECONDS },
	{ __NR_epoll_pwait, 3, SLEEP_MILLISECONDS }, { __NR_io_uring_enter, 4, SLEEP_URING },
};

enum {
	SLEEP_BELOW = 512, /* bytes below the stack pointer: past what the ABI lets functions use */
	SLEEP_NS = 1000000000,
	SLEEP_US = 1000,
	SLEEP_MS = 1000000,
};

/* Absolute times need no help: the clock goes on from where it was. */
static bool sleep_absolute(const struct user_regs_struct *regs, long nr)
{
	if (nr == __NR_clock_nanosleep)
		return regs_arg(regs, 1) & TIMER_ABSTIME;
	if (nr == __NR_futex) {
		uint64_t op = regs_arg(regs, 1) & (uint64_t)FUTEX_CMD_MASK;

		return op != FUTEX_WAIT;
	}
	return false;
}

/* Both are copied: nothing of the program's is changed. */
static void sleep_uring(pid_t pid, struct user_regs_struct *regs, unsigned int arg, int64_t left)
{
	uint64_t how[5], at = (regs_sp(regs) - SLEEP_BELOW) & ~15ull;
	const size_t size = 3 * sizeof(how[0]); /* of the first */

	if (remote_read(pid, regs_arg(regs, arg), how, size, NULL) < 0)
		return;
	how[2] = at + size;
	how[3] = (uint64_t)left / SLEEP_NS;
	how[4] = (uint64_t)left % SLEEP_NS;
	if (remote_write(pid, at, how, sizeof(how), NULL) >= 0)
		regs_set_arg(regs, arg, at);
}

void sleep_shorten(pid_t pid, const struct img_thread *t, struct user_regs_struct *regs)
{
	long nr = regs_result(regs); /* where the call's number stands before it is made */
	int64_t left = t->time_left_ns;
	const struct sleep_call *c = NULL;
	int64_t value[2];
	uint64_t at;

	for (size_t i = 0; left >= 0 && i < sizeof(sleep_calls) / sizeof(sleep_calls[0]); i++)
		if (sleep_calls[i].nr == nr)
			c = &sleep_calls[i];
	if (!c || sleep_absolute(regs, nr))
		return;
	if (c->form == SLEEP_MILLISECONDS) {
		regs_set_arg(regs, c->arg, (uint64_t)((left + SLEEP_MS - 1) / SLEEP_MS));
		return;
	}
	if (c->form == SLEEP_URING) {
		sleep_uring(pid, regs, c->arg, left);
		return;
	}
	value[0] = left / SLEEP_NS;
	value[1] = c->form == SLEEP_TIMEVAL ? left % SLEEP_NS / SLEEP_US : left % SLEEP_NS;
	at = (regs_sp(regs) - SLEEP_BELOW) & ~15ull;
	/* Where the stack has no room left there, the call waits its full time. */
	if (remote_write(pid, at, value, sizeof(value), NULL) >= 0)
		regs_set_arg(regs, c->arg, at);
}
