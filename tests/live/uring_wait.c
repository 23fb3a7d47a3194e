/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that wait for ends of requests: one for the first of all, one for more than have come yet, one
 * with a limit of time. They wait on, and see what comes afterwards; the limit is not over too soon or
 * too late.
 */
#include "uring.h"

enum { LIMIT_MS = 1000, LATE_MS = 30000 };

static struct uring first, more, timed;
static double waited_ms;

static void *wait_first(void *arg)
{
	LIVE_EQUAL(uring_enter(&first, 0, 1), 0);
	return arg;
}

static void *wait_more(void *arg)
{
	LIVE_EQUAL(uring_enter(&more, 0, 3), 0);
	return arg;
}

static void *wait_timed(void *arg)
{
	struct __kernel_timespec limit = { .tv_sec = LIMIT_MS / 1000 };
	struct io_uring_getevents_arg how = { .ts = (uintptr_t)&limit };
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	LIVE_EQUAL(syscall(SYS_io_uring_enter, timed.fd, 0, 1,
			   IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &how, sizeof(how)),
		   -1);
	LIVE_EQUAL(errno, ETIME);
	clock_gettime(CLOCK_MONOTONIC, &b);
	waited_ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	return arg;
}

int main(void)
{
	pthread_t threads[3];

	uring_setup(&first, 8, 0);
	uring_setup(&more, 8, 0);
	uring_setup(&timed, 8, 0);
	uring_history(&more, 11);
	uring_nop(&more, 1);
	LIVE_EQUAL(uring_enter(&more, 1, 0), 1);
	LIVE_CHECK(!pthread_create(&threads[0], NULL, wait_first, NULL));
	LIVE_CHECK(!pthread_create(&threads[1], NULL, wait_more, NULL));
	LIVE_CHECK(!pthread_create(&threads[2], NULL, wait_timed, NULL));
	live_ready();
	uring_nop(&more, 2);
	uring_nop(&more, 3);
	LIVE_EQUAL(syscall(SYS_io_uring_enter, more.fd, 2, 0, 0, NULL, 0), 2);
	uring_nop(&first, 1);
	LIVE_EQUAL(syscall(SYS_io_uring_enter, first.fd, 1, 0, 0, NULL, 0), 1);
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(threads[i], NULL));
	LIVE_EQUAL(uring_take(&first).user_data, 1);
	for (unsigned int i = 1; i <= 3; i++)
		LIVE_EQUAL(uring_take(&more).user_data, i);
	LIVE_CHECK(waited_ms >= LIMIT_MS - 1 && waited_ms < LATE_MS);
	return 0;
}
