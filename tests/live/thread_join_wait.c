/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that waits for another's end learns of it: clear-child-tid is set again. */
#include "live.h"

static int pipefd[2];

static void *last(void *arg)
{
	char c;

	LIVE_CHECK(read(pipefd[0], &c, 1) == 1);
	return arg;
}

static void *joiner(void *arg)
{
	pthread_t *t = arg;
	void *result;

	LIVE_CHECK(!pthread_join(*t, &result));
	return result;
}

int main(void)
{
	pthread_t a, b;
	void *result;

	LIVE_CHECK(!pipe2(pipefd, O_CLOEXEC));
	a = live_thread(last, &a);
	b = live_thread(joiner, &a);
	live_ready();
	LIVE_CHECK(write(pipefd[1], "x", 1) == 1);
	LIVE_CHECK(!pthread_join(b, &result));
	LIVE_CHECK(result == &a);
	return 0;
}
