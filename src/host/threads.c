/* SPDX-License-Identifier: Apache-2.0 */
#include "host/threads.h"

#include <pthread.h>

void threads_run(void *(*work)(void *arg), void *arg, int n)
{
	pthread_t thread[THREADS_MAX];
	int started = 0;

	if (n > THREADS_MAX)
		n = THREADS_MAX;
	while (started < n - 1 && pthread_create(&thread[started], NULL, work, arg) == 0)
		started++;
	work(arg);
	while (started)
		pthread_join(thread[--started], NULL);
}
