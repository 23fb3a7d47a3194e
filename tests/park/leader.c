/* SPDX-License-Identifier: Apache-2.0 */
/* The leading thread has ended, others go on. */
#include "park_test.h"

static void *go_on(void *arg)
{
	while (!shared->stop) {
		nap_ns(100000);
		shared->rounds++;
	}
	_exit(shared->nbad ? 1 : 0);
	return arg;
}

static void behave(struct shared *s)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		EXPECT(!pthread_create(&t[i], NULL, go_on, s));
	pthread_exit(NULL);
}

static void parked(struct shared *s, struct park *park)
{
	(void)s;
	EXPECT(park->nprocesses == 1);
	EXPECT(!park->processes[0].zombie);
	EXPECT(park->processes[0].nthreads == 3 || !park->processes[0].threads[0].exited);
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parked = parked });
}
