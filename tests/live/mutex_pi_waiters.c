/* SPDX-License-Identifier: Apache-2.0 */
/* A priority-inheriting mutex with waiters in the kernel: nobody is forgotten. */
#include "live_proc.h"

static pthread_mutex_t m;
static int got;
static pid_t tids[3];

static void *waiter(void *arg)
{
	__atomic_store_n((pid_t *)arg, gettid(), __ATOMIC_SEQ_CST);
	LIVE_CHECK(!pthread_mutex_lock(&m));
	got++;
	LIVE_CHECK(!pthread_mutex_unlock(&m));
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t a;
	pthread_t t[3];

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	LIVE_CHECK(!pthread_mutex_init(&m, &a) && !pthread_mutex_lock(&m));
	for (int i = 0; i < 3; i++) {
		t[i] = live_thread(waiter, &tids[i]);
		live_await_thread(&tids[i]);
	}
	live_ready();
	LIVE_EQUAL(got, 0);
	LIVE_CHECK(!pthread_mutex_unlock(&m));
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	LIVE_EQUAL(got, 3);
	return 0;
}
