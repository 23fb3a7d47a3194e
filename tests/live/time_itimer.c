/* SPDX-License-Identifier: Apache-2.0 */
/* The three interval timers: time left and interval stay, and they go off. */
#include "live.h"

#include <sys/time.h>

static volatile int alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

int main(void)
{
	struct itimerval far = { .it_interval = { 40, 0 }, .it_value = { 1000, 0 } };
	struct itimerval soon = { .it_value = { 0, 10000 } }, now;

	LIVE_CHECK(signal(SIGALRM, on_alarm) != SIG_ERR);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
		LIVE_CHECK(!setitimer(which, &far, NULL));
	live_ready();
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		LIVE_CHECK(!getitimer(which, &now));
		LIVE_EQUAL(now.it_interval.tv_sec, 40);
		LIVE_CHECK(now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000);
	}
	LIVE_CHECK(!setitimer(ITIMER_REAL, &soon, NULL));
	while (!alarms)
		pause();
	return 0;
}
