/* SPDX-License-Identifier: Apache-2.0 */
/* poll, epoll_wait and sigtimedwait with a time limit end by it: 0 or EAGAIN, never EINTR. */
#include "live_proc.h"

#include <sys/epoll.h>

static void *in_poll(void *tid)
{
	live_here(tid);
	LIVE_EQUAL(poll(NULL, 0, 700), 0);
	return NULL;
}

static void *in_epoll(void *tid)
{
	struct epoll_event ev;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	live_here(tid);
	LIVE_EQUAL(epoll_wait(ep, &ev, 1, 700), 0);
	close(ep);
	return NULL;
}

static void *in_sigtimedwait(void *tid)
{
	struct timespec limit = { 0, 700000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 5);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	live_here(tid);
	LIVE_EQUAL(sigtimedwait(&set, NULL, &limit), -1);
	LIVE_EQUAL(errno, EAGAIN);
	return NULL;
}

int main(void)
{
	void *(*const run[])(void *) = { in_poll, in_epoll, in_sigtimedwait };
	pid_t tid[3] = { 0 };
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_ready();
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
