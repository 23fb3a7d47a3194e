/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that allocate, fill, check and free, with contended mutexes and growing heaps. */
#include "park_test.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long guarded, counted;

static void *churn(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	unsigned char *kept[64] = { 0 };
	size_t sizes[64] = { 0 };

	while (!shared->stop) {
		size_t i = (size_t)rand_r(&seed) % 64, n = (size_t)rand_r(&seed) % 200000 + 1;

		if (kept[i]) {
			EXPECT(kept[i][0] == (unsigned char)i);
			EXPECT(kept[i][sizes[i] - 1] == (unsigned char)i);
			free(kept[i]);
		}
		kept[i] = malloc(n);
		sizes[i] = n;
		kept[i][0] = kept[i][n - 1] = (unsigned char)i;
		pthread_mutex_lock(&lock);
		guarded++;
		counted++;
		EXPECT(guarded == counted);
		pthread_mutex_unlock(&lock);
		shared->rounds++;
	}
	return NULL;
}

static void behave(struct shared *s)
{
	pthread_t t[4];

	(void)s;
	for (long i = 0; i < 4; i++)
		EXPECT(!pthread_create(&t[i], NULL, churn, (void *)(i + 1)));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

int main(void)
{
	return park_test(behave, &(struct plan){ 0 });
}
