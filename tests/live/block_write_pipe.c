/* SPDX-License-Identifier: Apache-2.0 */
/* A thread blocked half-way in a big write to a full pipe: not a byte lost or doubled. */
#include "live_proc.h"

enum { LEN = 400000 };
static int p[2];

static void *run(void *tid)
{
	static char buf[LEN];

	for (int i = 0; i < LEN; i++)
		buf[i] = (char)(i * 13 + i / 256);
	live_here(tid);
	LIVE_EQUAL(write(p[1], buf, LEN), LEN);
	return NULL;
}

int main(void)
{
	pid_t tid = 0;
	pthread_t t;
	char c;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	t = live_sleeper(run, &tid);
	live_ready();
	for (int i = 0; i < LEN; i++) {
		LIVE_EQUAL(read(p[0], &c, 1), 1);
		LIVE_EQUAL(c, (char)(i * 13 + i / 256));
	}
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
