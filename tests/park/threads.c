/* SPDX-License-Identifier: Apache-2.0 */
/* Storms of threads that are created and end: joined, detached, and chains of each creating the next. */
#include "park_test.h"

static _Atomic long links;

static void *leaf(void *arg)
{
	return (void *)((uintptr_t)arg + 1);
}

static void *joiner(void *arg)
{
	while (!shared->stop) {
		pthread_t t[8];
		void *out;

		for (uintptr_t i = 0; i < 8; i++)
			EXPECT(!pthread_create(&t[i], NULL, leaf, (void *)i));
		for (uintptr_t i = 0; i < 8; i++) {
			EXPECT(!pthread_join(t[i], &out));
			EXPECT(out == (void *)(i + 1));
		}
		shared->rounds++;
	}
	return arg;
}

/* Each creates the next and ends: a thread that is never where it was when it was listed. */
static void *link_of_chain(void *arg)
{
	pthread_attr_t attr;
	pthread_t t;

	links++;
	if (shared->stop) {
		*(_Atomic bool *)arg = true;
		return NULL;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	EXPECT(!pthread_create(&t, &attr, link_of_chain, arg));
	return NULL;
}

static void behave(struct shared *s)
{
	static _Atomic bool ended;
	pthread_t t[2];

	(void)s;
	for (int i = 0; i < 2; i++)
		EXPECT(!pthread_create(&t[i], NULL, joiner, NULL));
	link_of_chain(&ended);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	while (!ended)
		nap_ns(1000000);
	EXPECT(links > 10);
}

int main(void)
{
	return park_test(behave, &(struct plan){ 0 });
}
