/* SPDX-License-Identifier: Apache-2.0 */
/* Each thread keeps its own signal mask. */
#include "live.h"

static void check_only(int sig)
{
	sigset_t now;

	LIVE_CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &now));
	for (int s = 1; s < 32; s++)
		LIVE_EQUAL(sigismember(&now, s), s == sig);
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	LIVE_CHECK(!pthread_sigmask(SIG_SETMASK, &set, NULL));
}

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;

	block(SIGHUP);
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	check_only(SIGHUP);
	return NULL;
}

int main(void)
{
	pthread_barrier_t b;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	block(SIGUSR1);
	pthread_barrier_wait(&b);
	live_ready();
	check_only(SIGUSR1);
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
