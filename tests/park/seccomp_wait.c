/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits with a time-out, under a filter that kills on restart_syscall: by that the kernel goes on with them
 * where they have been interrupted, and most programs never make it themselves.
 */
#include "park_seccomp.h"

#include <linux/futex.h>
#include <poll.h>

enum { WAIT_NS = 3000000 };

static _Atomic int waiting;

static int wait_poll(void)
{
	return poll(NULL, 0, WAIT_NS / 1000000);
}

static int wait_sleep(void)
{
	return nanosleep(&(struct timespec){ 0, WAIT_NS }, NULL);
}

static int wait_clock(void)
{
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, WAIT_NS }, NULL);
}

static int wait_futex(void)
{
	uint32_t word = 0;
	long rc = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &(struct timespec){ 0, WAIT_NS });

	return rc == -1 && errno == ETIMEDOUT ? 0 : -1;
}

/* Until a point in time. */
static int wait_until(void)
{
	uint32_t word = 0;
	int64_t end = now_ns() + WAIT_NS;
	struct timespec until = { end / 1000000000, end % 1000000000 };
	long rc = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &until, NULL, ~0U);

	return rc == -1 && errno == ETIMEDOUT ? 0 : -1;
}

static void *waits(void *arg)
{
	int (*const *wait)(void) = arg;

	waiting++;
	while (!shared->stop) {
		int64_t began = now_ns(), took;

		EXPECT((*wait)() == 0);
		took = now_ns() - began;
		if (took < WAIT_NS)
			bad("a wait of %d ns took %lld", WAIT_NS, (long long)took);
		shared->rounds++;
	}
	return NULL;
}

static void behave(struct shared *s)
{
	static int (*const kinds[])(void) = { wait_poll, wait_sleep, wait_clock, wait_futex,
					      wait_until };
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	pthread_t t[KINDS];

	s->ready = false;
	park_confine(SYS_restart_syscall, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW);
	for (int i = 0; i < KINDS; i++)
		EXPECT(!pthread_create(&t[i], NULL, waits, (void *)(uintptr_t)&kinds[i]));
	while (waiting < KINDS)
		sched_yield();
	s->ready = true;
	for (int i = 0; i < KINDS; i++)
		EXPECT(!pthread_join(t[i], NULL));
}

int main(void)
{
	return park_test(behave,
			 &(struct plan){ .parks = 500, .gap_ns = 2000000, .no_probe = true });
}
