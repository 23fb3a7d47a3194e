/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restorer: follows a plan (contract/restore_plan.h) in a process whose own code, stack and libc are
 * gone or about to go.
 *
 * Rules of this room: no libc, no data but what the plan's region holds, no relocations, no system call
 * that the plan does not name (but futex, tgkill, clone3 and those of aio.c, which are the plan's own
 * words). Signals are blocked by the caller. Nothing here decides anything.
 */
#include "arch/stack.h"
#include "base/mem.h"
#include "base/sys.h"
#include "contract/restore_plan.h"
#include "restorer/aio.h"

#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/time.h>

plan_entry restorer_entry;

enum { RESTORER_TRIES = 5000 };
static const struct {
	long s, ns;
} restorer_tick = { 0, 1000000 };

static void restorer_sleep(uint32_t *word, uint32_t value)
{
	sys4(__NR_futex, word, FUTEX_WAIT, value, 0);
}

/* A thread has nothing more to do until the agent gives it its own registers. */
static void __attribute__((noreturn)) restorer_rest(void)
{
	uint32_t never = 0;

	for (;;)
		restorer_sleep(&never, 0);
}

static void restorer_arrive(struct plan_header *h)
{
	__atomic_add_fetch(&h->arrived, 1, __ATOMIC_RELEASE);
	sys3(__NR_futex, &h->arrived, FUTEX_WAKE, 1);
}

/* The first failure is the one that is told. */
static void restorer_fail(struct plan_header *h, const struct plan_op *op, long result)
{
	uint32_t running = PLAN_RUNNING;

	if (!__atomic_compare_exchange_n(&h->state, &running, PLAN_FAILING, 0, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return;
	h->failed_op = (uintptr_t)op;
	h->failed_result = result;
	h->failed_tid = (int32_t)sys0(__NR_gettid);
	__atomic_store_n(&h->state, PLAN_FAILED, __ATOMIC_RELEASE);
}

static long restorer_join(struct plan_header *h, uint32_t threads)
{
	uint32_t arrived;

	while ((arrived = __atomic_load_n(&h->arrived, __ATOMIC_ACQUIRE)) < threads)
		restorer_sleep(&h->arrived, arrived);
	return __atomic_load_n(&h->state, __ATOMIC_ACQUIRE) == PLAN_RUNNING ? 0 : -1;
}

/*
 * Where PR_TIMER_CREATE_RESTORE_IDS is on, the kernel takes the id from the variable; before 6.15 it
 * hands out ids one after the other and takes no wishes.
 */
static long restorer_timer(const uint64_t *args)
{
	for (;;) {
		int32_t id = (int32_t)args[2];
		long rc = sys3(__NR_timer_create, args[0], args[1], &id);

		if (rc < 0)
			return rc;
		if (id == (int32_t)args[2])
			return 0;
		sys1(__NR_timer_delete, id);
		if (id > (int32_t)args[2])
			return -1;
	}
}

static void restorer_thread(void *arg);

static long restorer_clone(const struct plan_thread *t)
{
	int32_t tid = t->tid;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			 CLONE_SYSVSEM,
		.stack = t->stack,
		.stack_size = PLAN_STACK_THREAD,
		.set_tid = (uintptr_t)&tid,
		.set_tid_size = 1,
	};

	long born;

	/*
	 * An id is given back to the kernel's table only after its last user has been waited for (free_pids
	 * in release_task, since Linux 6.15): right after a kill nobody has it, and it is not free yet. Or
	 * somebody else has taken it since it was looked for, mostly for a moment.
	 */
	for (int i = 0; i < RESTORER_TRIES; i++) {
		born = stack_clone3(&args, sizeof(args), restorer_thread, (void *)(uintptr_t)t);
		if (born != -EEXIST)
			break;
		sys4(__NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &restorer_tick, 0);
	}
	return born;
}

static long restorer_op(struct plan_header *h, const struct plan_op *op)
{
	const uint64_t *a = op->args;

	switch (op->kind) {
	case PLAN_SYSCALL:
		return sys6(op->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	case PLAN_THREAD:
		return restorer_clone((const struct plan_thread *)a[0]);
	case PLAN_BEGIN:
		__atomic_store_n(&h->begin, 1, __ATOMIC_RELEASE);
		return sys3(__NR_futex, &h->begin, FUTEX_WAKE, INT32_MAX);
	case PLAN_JOIN:
		return restorer_join(h, (uint32_t)a[0]);
	case PLAN_TIMER:
		return restorer_timer(a);
	case PLAN_COPY:
		mem_copy((void *)a[0], (const void *)a[1], a[2]);
		return 0;
	case PLAN_AIO:
		return aio_make((struct plan_aio *)a[0]);
	}
	return -1;
}

static int restorer_list(struct plan_header *h, const struct plan_list *list)
{
	const struct plan_op *op = (const struct plan_op *)list->ops;
	const struct plan_op *end = op + list->n;

	for (; op < end; op++) {
		long result = restorer_op(h, op);

		if (op->check == PLAN_TRY)
			continue;
		if (op->check == PLAN_OR_NEXT) {
			op += result >= 0;
			continue;
		}
		if (op->check == PLAN_EXACT ? result != (long)op->want : result < 0) {
			restorer_fail(h, op, result);
			return -1;
		}
	}
	return 0;
}

static void restorer_thread(void *arg)
{
	const struct plan_thread *t = arg;
	struct plan_header *h = (struct plan_header *)t->header;

	restorer_list(h, &t->list);
	restorer_arrive(h);
	restorer_rest();
}

/* Started with whatever id came next, while the plan is still being written. */
static void __attribute__((noreturn)) restorer_early(struct plan_header *h, struct plan_thread *t)
{
	if (sys0(__NR_gettid) != t->tid)
		sys1(__NR_exit, 0); /* which sets PLAN_EARLY_ENDED */
	/* Not before this may the code be unmapped that we were born in. */
	__atomic_store_n(&t->early, PLAN_EARLY_WAITS, __ATOMIC_RELEASE);
	sys3(__NR_futex, &t->early, FUTEX_WAKE, 1);
	while (!__atomic_load_n(&h->begin, __ATOMIC_ACQUIRE))
		restorer_sleep(&h->begin, 0);
	restorer_thread(t);
	__builtin_unreachable();
}

void __attribute__((section(".text.entry")))
restorer_entry(struct plan_header *h, struct plan_thread *t)
{
	if (t)
		restorer_early(h, t);
	if (h->version != PLAN_VERSION)
		restorer_fail(h, 0, -1);
	else
		restorer_list(h, &h->leader);
	/* The agent sees this stop, at the end as after a failure, and reads the state. */
	sys3(__NR_tgkill, sys0(__NR_getpid), sys0(__NR_gettid), SIGSTOP);
	restorer_rest();
}
