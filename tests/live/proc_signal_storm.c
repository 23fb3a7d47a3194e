/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that throw signals at each other all the time: none is lost or doubled. */
#include "live.h"

static volatile int stop;
static volatile long got;
static long sent;

static void on_usr1(int sig)
{
	(void)sig;
	got++;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };

	LIVE_CHECK(!sigaction(SIGUSR1, &sa, NULL));
	live_begin();
	while (!live_gone()) {
		for (int i = 0; i < 1000; i++) {
			LIVE_CHECK(!raise(SIGUSR1));
			sent++;
		}
	}
	LIVE_EQUAL(got, sent);
	return 0;
}
