/* SPDX-License-Identifier: Apache-2.0 */
/* An interval timer that was running goes on ticking by itself. */
#include "live.h"

#include <sys/time.h>

static volatile int ticks;

static void on_alarm(int sig)
{
	(void)sig;
	ticks++;
}

int main(void)
{
	struct itimerval t = { .it_interval = { 0, 20000 }, .it_value = { 0, 20000 } };
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	int before;

	LIVE_CHECK(!sigaction(SIGALRM, &sa, NULL));
	LIVE_CHECK(!setitimer(ITIMER_REAL, &t, NULL));
	live_ready();
	before = ticks;
	while (ticks < before + 3)
		pause();
	return 0;
}
