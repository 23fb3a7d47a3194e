/* SPDX-License-Identifier: Apache-2.0 */
/* A robust mutex: if its owner dies after the restart, the kernel still hands it on. */
#include "live.h"

static pthread_mutex_t m;
static pthread_barrier_t barrier;

static void *owner(void *arg)
{
	LIVE_CHECK(!pthread_mutex_lock(&m));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg; /* ends without unlocking */
}

int main(void)
{
	pthread_mutexattr_t a;
	pthread_t t;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	LIVE_CHECK(!pthread_mutex_init(&m, &a));
	pthread_barrier_init(&barrier, NULL, 2);
	t = live_thread(owner, NULL);
	pthread_barrier_wait(&barrier);
	live_ready();
	LIVE_EQUAL(pthread_mutex_trylock(&m), EBUSY);
	pthread_barrier_wait(&barrier);
	LIVE_EQUAL(pthread_mutex_lock(&m), EOWNERDEAD);
	LIVE_CHECK(!pthread_mutex_consistent(&m) && !pthread_mutex_unlock(&m));
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
