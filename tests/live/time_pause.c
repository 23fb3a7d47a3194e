/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A one-shot timer that runs out while the process is being rebuilt still ends the pause() that it was
 * for: the call is found interrupted, not about to begin.
 */
#include "live.h"

#include <sys/time.h>

enum { LEFT_US = 3000 };

static volatile sig_atomic_t waiting, fired;

static void arm(void)
{
	struct itimerval t = { .it_value = { 0, LEFT_US } };

	LIVE_CHECK(!setitimer(ITIMER_REAL, &t, NULL));
}

static void on_alarm(int sig)
{
	(void)sig;
	if (waiting)
		fired = 1;
	else
		arm(); /* too early for pause(): once more */
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	LIVE_CHECK(!sigaction(SIGALRM, &sa, NULL));
	live_begin();
	do {
		fired = 0;
		arm();
		waiting = 1;
		pause();
		waiting = 0;
		LIVE_CHECK(fired);
	} while (!live_gone());
	return 0;
}
