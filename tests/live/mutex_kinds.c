/* SPDX-License-Identifier: Apache-2.0 */
/* Mutexes of every kind, held across: the kernel and libc still know the owner. */
#include "live_proc.h"

static pthread_mutex_t make(int type, int protocol)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	LIVE_CHECK(!pthread_mutexattr_setprotocol(&a, protocol));
	LIVE_CHECK(!pthread_mutex_init(&m, &a));
	return m;
}

static pthread_mutex_t check, recursive, pi;

static pid_t waiting;

static void *other(void *arg)
{
	LIVE_EQUAL(pthread_mutex_trylock(&check), EBUSY);
	LIVE_EQUAL(pthread_mutex_unlock(&check), EPERM);
	LIVE_EQUAL(pthread_mutex_trylock(&recursive), EBUSY);
	__atomic_store_n(&waiting, gettid(), __ATOMIC_SEQ_CST);
	LIVE_EQUAL(pthread_mutex_lock(&pi), 0); /* waits until main gives it up */
	LIVE_EQUAL(pthread_mutex_unlock(&pi), 0);
	return arg;
}

int main(void)
{
	pthread_t t;

	check = make(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE);
	recursive = make(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE);
	pi = make(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT);
	LIVE_CHECK(!pthread_mutex_lock(&check) && !pthread_mutex_lock(&pi));
	LIVE_CHECK(!pthread_mutex_lock(&recursive) && !pthread_mutex_lock(&recursive));
	live_ready();
	t = live_thread(other, NULL);
	live_await_thread(&waiting);
	LIVE_EQUAL(pthread_mutex_lock(&check), EDEADLK);
	LIVE_EQUAL(pthread_mutex_lock(&pi), EDEADLK);
	LIVE_CHECK(!pthread_mutex_lock(&recursive));
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_mutex_unlock(&recursive));
	LIVE_EQUAL(pthread_mutex_unlock(&recursive), EPERM);
	LIVE_CHECK(!pthread_mutex_unlock(&pi));
	LIVE_CHECK(!pthread_join(t, NULL));
	LIVE_CHECK(!pthread_mutex_unlock(&check));
	return 0;
}
