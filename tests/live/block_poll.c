/* SPDX-License-Identifier: Apache-2.0 */
/* poll, ppoll, select and epoll_wait without a time limit, on one pipe. */
#include "live_proc.h"

#include <sys/epoll.h>
#include <sys/select.h>

static int p[2], ep;

static void *in_poll(void *tid)
{
	struct pollfd f = { .fd = p[0], .events = POLLIN };

	live_here(tid);
	LIVE_EQUAL(poll(&f, 1, -1), 1);
	return NULL;
}

static void *in_ppoll(void *tid)
{
	struct pollfd f = { .fd = p[0], .events = POLLIN };
	sigset_t all;

	sigfillset(&all);
	live_here(tid);
	LIVE_EQUAL(ppoll(&f, 1, NULL, &all), 1);
	LIVE_CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &all));
	LIVE_EQUAL(sigismember(&all, SIGUSR1), 0); /* the mask of before is back */
	return NULL;
}

static void *in_select(void *tid)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(p[0], &set);
	live_here(tid);
	LIVE_EQUAL(select(p[0] + 1, &set, NULL, NULL, NULL), 1);
	LIVE_CHECK(FD_ISSET(p[0], &set));
	return NULL;
}

static void *in_epoll(void *tid)
{
	struct epoll_event ev;

	live_here(tid);
	LIVE_EQUAL(epoll_wait(ep, &ev, 1, -1), 1);
	LIVE_EQUAL(ev.data.u32, 42);
	return NULL;
}

int main(void)
{
	void *(*const run[])(void *) = { in_poll, in_ppoll, in_select, in_epoll };
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 42 };
	pid_t tid[4] = { 0 };
	pthread_t t[4];

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	ep = epoll_create1(EPOLL_CLOEXEC);
	LIVE_CHECK(ep >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	for (int i = 0; i < 4; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_ready();
	LIVE_EQUAL(write(p[1], "x", 1), 1);
	for (int i = 0; i < 4; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
