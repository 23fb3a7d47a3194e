/* SPDX-License-Identifier: Apache-2.0 */
/* Per thread: every scheduling class that this user may have, with flags and clamps; the I/O priority. */
#include "live.h"

struct attr { /* struct sched_attr */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

enum {
	RESET_ON_FORK = 1,
	RECLAIM = 2,
	DL_OVERRUN = 4,
	CLAMP_MIN = 0x20,
	CLAMP_MAX = 0x40,
	DEADLINE = 6,
	MS = 1000000,
	IDLE_CLASS = 3 << 13,
};

static const struct attr wanted[] = {
	{ .policy = SCHED_FIFO, .priority = 7 },
	{ .policy = SCHED_RR, .priority = 3, .flags = RESET_ON_FORK },
	{ .policy = DEADLINE, .runtime = MS, .deadline = 5 * MS, .period = 10 * MS },
	{ .policy = DEADLINE,
	  .runtime = MS,
	  .deadline = 10 * MS,
	  .period = 20 * MS,
	  .flags = RESET_ON_FORK | RECLAIM | DL_OVERRUN },
	{ .policy = SCHED_OTHER, .nice = 3, .runtime = 3 * MS },
	{ .policy = SCHED_BATCH, .nice = 4 },
	{ .policy = SCHED_IDLE, .flags = RESET_ON_FORK },
	{ .policy = SCHED_OTHER, .flags = CLAMP_MIN | CLAMP_MAX, .util_min = 100, .util_max = 700 },
	{ .policy = SCHED_FIFO, .priority = 1, .flags = CLAMP_MAX, .util_max = 512 },
};

enum { THREADS = sizeof(wanted) / sizeof(wanted[0]) };

static pthread_barrier_t barrier;

static struct attr look(void)
{
	struct attr a = { 0 };

	LIVE_CHECK(!syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	return a;
}

static void *run(void *arg)
{
	struct attr a = *(const struct attr *)arg, after;

	a.size = sizeof(a);
	(void)!syscall(SYS_sched_setattr, 0, &a, 0); /* what may not be is not */
	LIVE_CHECK(!syscall(SYS_ioprio_set, 1, 0, IDLE_CLASS));
	a = look();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	after = look();
	if (memcmp(&a, &after, sizeof(a)))
		live_fail("policy %u, flags %#llx, nice %d, priority %u, runtime %llu, clamps %u "
			  "%u, not "
			  "%u, %#llx, %d, %u, %llu, %u %u",
			  after.policy, (unsigned long long)after.flags, after.nice, after.priority,
			  (unsigned long long)after.runtime, after.util_min, after.util_max,
			  a.policy, (unsigned long long)a.flags, a.nice, a.priority,
			  (unsigned long long)a.runtime, a.util_min, a.util_max);
	LIVE_EQUAL(syscall(SYS_ioprio_get, 1, 0), IDLE_CLASS);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct attr before = look(), after;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		threads[i] = live_thread(run, (void *)(uintptr_t)&wanted[i]);
	pthread_barrier_wait(&barrier);
	live_ready();
	after = look();
	LIVE_CHECK(!memcmp(&before, &after, sizeof(before)));
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		LIVE_CHECK(!pthread_join(threads[i], NULL));
	return 0;
}
