/* SPDX-License-Identifier: Apache-2.0 */
/* An armed POSIX timer with an interval goes on ticking by itself. */
#include "live.h"

int main(void)
{
	struct itimerspec t = { { 0, 20000000 }, { 0, 20000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	siginfo_t info;
	sigset_t set;
	timer_t id;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ev.sigev_value.sival_int = 9;
	LIVE_CHECK(!timer_create(CLOCK_MONOTONIC, &ev, &id) && !timer_settime(id, 0, &t, NULL));
	live_ready();
	for (int i = 0; i < 4; i++) {
		LIVE_CHECK(sigwaitinfo(&set, &info) == SIGRTMIN);
		LIVE_EQUAL(info.si_value.sival_int, 9);
	}
	return 0;
}
