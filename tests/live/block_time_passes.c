/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call with a time-out that several restarts fall into waits its time once, not once for each of them: what
 * has passed from a restart to the next checkpoint counts.
 */
#include "live_proc.h"

#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { ROUNDS = 3, WAIT_MS = 2000, LEG_MS = 1400 };

static void *in_poll(void *tid)
{
	live_here(tid);
	LIVE_EQUAL(poll(NULL, 0, WAIT_MS), 0);
	return NULL;
}

static void *in_epoll(void *tid)
{
	struct epoll_event ev;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	live_here(tid);
	LIVE_EQUAL(epoll_wait(ep, &ev, 1, WAIT_MS), 0);
	close(ep);
	return NULL;
}

static void *in_futex(void *tid)
{
	const struct timespec limit = { WAIT_MS / 1000, 0 };
	static uint32_t word;

	live_here(tid);
	LIVE_EQUAL(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0), -1);
	LIVE_EQUAL(errno, ETIMEDOUT);
	return NULL;
}

static void *in_nanosleep(void *tid)
{
	const struct timespec limit = { WAIT_MS / 1000, 0 };

	live_here(tid);
	LIVE_CHECK(!nanosleep(&limit, NULL));
	return NULL;
}

/* The time-out is the socket's: when it is up the next park ends the call. */
static void *in_recv(void *tid)
{
	const struct timeval limit = { WAIT_MS / 1000, 0 };
	char byte;
	int s[2];

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
	LIVE_CHECK(!setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	live_here(tid);
	LIVE_EQUAL(recv(s[0], &byte, 1, 0), -1);
	LIVE_EQUAL(errno, EAGAIN);
	return NULL;
}

/* Between a restart and the next checkpoint. */
static void leg(void)
{
	int64_t end = live_now_ns(CLOCK_MONOTONIC) + LEG_MS * INT64_C(1000000);
	const struct timespec until = { end / 1000000000, end % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
}

int main(void)
{
	void *(*const run[])(void *) = { in_poll, in_epoll, in_futex, in_nanosleep, in_recv };
	enum { N = sizeof(run) / sizeof(run[0]) };
	pid_t tid[N] = { 0 };
	pthread_t t[N];
	int64_t again = 0;
	char word;

	for (int i = 0; i < N; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_say_ready(ROUNDS);
	for (int round = 1; read(0, &word, 1) == 1 && word == 'p'; round++) {
		if (round < ROUNDS)
			leg();
		again = live_now_ns(CLOCK_MONOTONIC);
		live_say_ready(ROUNDS);
	}
	for (int i = 0; i < N; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	/* Each had waited long enough. */
	LIVE_CHECK(!again || live_now_ns(CLOCK_MONOTONIC) - again < WAIT_MS / 2 * INT64_C(1000000));
	return 0;
}
