/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and processes made after the restart work like those before. */
#include "live.h"

static __thread int local = 5;

static void *run(void *arg)
{
	LIVE_EQUAL(local, 5);
	local = 6;
	return arg;
}

int main(void)
{
	int status;

	live_ready();
	for (int i = 0; i < 50; i++)
		LIVE_CHECK(!pthread_join(live_thread(run, NULL), NULL));
	LIVE_EQUAL(local, 5);
	status = system("exit 7");
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	return 0;
}
