/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand threads, in all kinds of sleep. */
#include "park_test.h"

enum { MANY = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *one(void *arg)
{
	switch ((uintptr_t)arg % 3) {
	case 0:
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
		break;
	case 1:
		while (!shared->stop)
			nap_ns(20000000);
		break;
	default:
		pause();
		EXPECT(false);
	}
	return NULL;
}

static void behave(struct shared *s)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_mutex_lock(&lock);
	for (uintptr_t i = 1; i < MANY; i++)
		EXPECT(!pthread_create(&t, &attr, one, (void *)i));
	while (!s->stop) {
		nap_ns(1000000);
		s->rounds++;
	}
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parks = 40, .gap_ns = 20000000 });
}
