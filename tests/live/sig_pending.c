/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocked and pending: for the process, for one thread, and real-time ones queued in their order; and one of
 * those that nobody notices, in a program that does.
 */
#include "live.h"

static void notice(int sig)
{
	(void)sig;
}

static int take(int sig)
{
	siginfo_t info;
	struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sigtimedwait(&set, &info, &none) == sig ? info.si_value.sival_int : -1;
}

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;

	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	LIVE_EQUAL(take(SIGRTMIN + 2), 77); /* ours alone */
	LIVE_EQUAL(take(SIGRTMIN + 2), -1);
	LIVE_CHECK(take(SIGUSR2) != -1); /* sent by tgkill */
	LIVE_EQUAL(take(SIGUSR2), -1);
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	sigset_t all;
	pthread_t t;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGURG, notice);
	signal(SIGWINCH, notice);
	signal(SIGCHLD, notice);
	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	pthread_barrier_wait(&b);
	LIVE_CHECK(!kill(getpid(), SIGUSR1));
	LIVE_CHECK(!pthread_kill(pthread_self(), SIGURG));
	for (int i = 0; i < 5; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 100 + i });
	LIVE_CHECK(!pthread_sigqueue(t, SIGRTMIN + 2, (union sigval){ .sival_int = 77 }));
	LIVE_CHECK(!pthread_kill(t, SIGUSR2));
	LIVE_CHECK(
		!pthread_sigqueue(pthread_self(), SIGRTMIN + 2, (union sigval){ .sival_int = 88 }));
	live_ready();
	for (int i = 0; i < 5; i++)
		LIVE_EQUAL(take(SIGRTMIN), 100 + i);
	LIVE_EQUAL(take(SIGRTMIN), -1);
	LIVE_CHECK(take(SIGUSR1) != -1);
	LIVE_EQUAL(take(SIGUSR1), -1);
	LIVE_CHECK(take(SIGURG) != -1);
	LIVE_EQUAL(take(SIGRTMIN + 2), 88);
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
