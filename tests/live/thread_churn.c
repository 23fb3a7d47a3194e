/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that come and go all the time, while it is checkpointed. */
#include "live.h"

static volatile int stop;
static long made;

static void *brief(void *arg)
{
	free(malloc(1000));
	return arg;
}

static void *churn(void *arg)
{
	while (!stop) {
		LIVE_CHECK(!pthread_join(live_thread(brief, NULL), NULL));
		__atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

int main(void)
{
	pthread_t t[4];
	long before;

	for (int i = 0; i < 4; i++)
		t[i] = live_thread(churn, NULL);
	live_ready();
	before = __atomic_load_n(&made, __ATOMIC_RELAXED);
	while (__atomic_load_n(&made, __ATOMIC_RELAXED) < before + 100)
		sched_yield();
	stop = 1;
	for (int i = 0; i < 4; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
