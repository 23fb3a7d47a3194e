/* SPDX-License-Identifier: Apache-2.0 */
/* Threads busy in malloc and free when they are stopped; every block keeps its pattern. */
#include "live.h"

static volatile int stop;

static void *storm(void *arg)
{
	unsigned int seed = (unsigned int)(intptr_t)arg;
	unsigned char *block[64] = { NULL };
	size_t size[64] = { 0 };

	while (!stop) {
		unsigned int i = rand_r(&seed) % 64;

		for (size_t k = 0; block[i] && k < size[i]; k++)
			LIVE_EQUAL(block[i][k], i);
		free(block[i]);
		size[i] = rand_r(&seed) % 5000 + 1;
		block[i] = malloc(size[i]);
		LIVE_CHECK(block[i]);
		memset(block[i], (int)i, size[i]);
	}
	for (int i = 0; i < 64; i++)
		free(block[i]);
	return NULL;
}

int main(void)
{
	pthread_t t[4];

	for (intptr_t i = 0; i < 4; i++)
		t[i] = live_thread(storm, (void *)(i + 1));
	live_ready();
	stop = 1;
	for (int i = 0; i < 4; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
