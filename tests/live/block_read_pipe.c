/* SPDX-License-Identifier: Apache-2.0 */
/* A thread blocked in read on an empty pipe. */
#include "live_proc.h"

static int p[2];

static void *run(void *tid)
{
	char c = 0;

	live_here(tid);
	LIVE_EQUAL(read(p[0], &c, 1), 1);
	LIVE_EQUAL(c, 'z');
	return NULL;
}

int main(void)
{
	pid_t tid = 0;
	pthread_t t;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	t = live_sleeper(run, &tid);
	live_ready();
	LIVE_EQUAL(write(p[1], "z", 1), 1);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
