/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that has forbidden itself to fork (RLIMIT_NPROC of 0, as haproxy does) and has more memory
 * than is copied in passing. Its threads are there again.
 */
#include "live.h"

#include <sys/resource.h>

enum { SIZE = 8 << 20 };

static void *add(void *number)
{
	int *n = number;

	live_ready();
	*n += 1;
	return NULL;
}

int main(void)
{
	const struct rlimit none = { 0, 0 };
	unsigned char *at = malloc(SIZE);
	struct rlimit now;
	pthread_t thread;
	int n = 41;

	LIVE_CHECK(at);
	for (int i = 0; i < SIZE; i++)
		at[i] = (unsigned char)(i * 7 + i / 4096);
	LIVE_CHECK(!pthread_create(&thread, NULL, add, &n));
	LIVE_CHECK(!setrlimit(RLIMIT_NPROC, &none));
	LIVE_CHECK(!pthread_join(thread, NULL));
	LIVE_EQUAL(n, 42);
	for (int i = 0; i < SIZE; i++)
		LIVE_EQUAL(at[i], (unsigned char)(i * 7 + i / 4096));
	LIVE_CHECK(!getrlimit(RLIMIT_NPROC, &now));
	LIVE_EQUAL(now.rlim_max, 0);
	return 0;
}
