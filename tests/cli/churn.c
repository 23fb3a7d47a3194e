/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that do nothing but begin the next one and end, so that ids come round quickly. Says "ready". */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { CHAINS = 32, STACK = 65536 };

static pthread_attr_t attr;

static void *link_of_chain(void *arg)
{
	pthread_t next;

	/* None is to be had for a moment where all ids are taken. */
	while (pthread_create(&next, &attr, link_of_chain, arg))
		;
	return NULL;
}

int main(void)
{
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (intptr_t i = 0; i < CHAINS; i++) {
		pthread_t first;

		if (pthread_create(&first, &attr, link_of_chain, NULL))
			return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
