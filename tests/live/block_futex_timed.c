/* SPDX-License-Identifier: Apache-2.0 */
/* Timed waits: a relative futex, an absolute one, and both end by their time-out, not by EINTR. */
#include "live_proc.h"

#include <linux/futex.h>

static uint32_t word;

static void *relative(void *tid)
{
	struct timespec t = { 0, 700000000 };

	live_here(tid);
	LIVE_EQUAL(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0), -1);
	LIVE_EQUAL(errno, ETIMEDOUT);
	return NULL;
}

static void *absolute(void *tid)
{
	int64_t end = live_now_ns(CLOCK_MONOTONIC) + 700000000;
	struct timespec t = { end / 1000000000, end % 1000000000 };

	live_here(tid);
	LIVE_EQUAL(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, NULL, ~0U), -1);
	LIVE_EQUAL(errno, ETIMEDOUT);
	LIVE_CHECK(live_now_ns(CLOCK_MONOTONIC) >= end);
	return NULL;
}

int main(void)
{
	pid_t tid[2] = { 0 };
	pthread_t t[2];

	t[0] = live_sleeper(relative, &tid[0]);
	t[1] = live_sleeper(absolute, &tid[1]);
	live_ready();
	for (int i = 0; i < 2; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
