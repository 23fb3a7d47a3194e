/* SPDX-License-Identifier: Apache-2.0 */
/* The first thread has ended, the others go on: the process lives and ends as it should. */
#include "live.h"

static pthread_t leader;

static void *run(void *arg)
{
	LIVE_CHECK(!pthread_join(leader, NULL));
	live_ready();
	LIVE_CHECK(getpid() != gettid());
	exit(0);
	return arg;
}

int main(void)
{
	leader = pthread_self();
	live_thread(run, NULL);
	pthread_exit(NULL);
}
