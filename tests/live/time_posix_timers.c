/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX timers keep their ids (with a gap), signals, values, intervals, and go to their thread. */
#include "live.h"

static timer_t make(int notify, int sig, int value, clockid_t clock)
{
	struct sigevent ev = { .sigev_notify = notify,
			       .sigev_signo = sig,
			       .sigev_value.sival_int = value };
	timer_t id;

	ev._sigev_un._tid = gettid();
	LIVE_CHECK(!timer_create(clock, &ev, &id));
	return id;
}

static void check_left(timer_t id, long from, long to, long interval)
{
	struct itimerspec now;

	LIVE_CHECK(!timer_gettime(id, &now));
	LIVE_CHECK(now.it_value.tv_sec >= from && now.it_value.tv_sec <= to);
	LIVE_EQUAL(now.it_interval.tv_sec, interval);
}

int main(void)
{
	struct itimerspec far = { { 30, 0 }, { 1000, 0 } }, soon = { { 0, 0 }, { 0, 1000000 } };
	timer_t a, gap, b, c;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a = make(SIGEV_SIGNAL, SIGRTMIN + 3, 5, CLOCK_MONOTONIC);
	gap = make(SIGEV_NONE, 0, 0, CLOCK_REALTIME);
	b = make(SIGEV_THREAD_ID, SIGRTMIN + 3, 6, CLOCK_REALTIME);
	c = make(SIGEV_NONE, 0, 0, CLOCK_PROCESS_CPUTIME_ID);
	LIVE_CHECK(!timer_delete(gap));
	LIVE_CHECK(!timer_settime(a, 0, &far, NULL) && !timer_settime(c, 0, &far, NULL));
	live_ready();
	check_left(a, 900, 1000, 30);
	check_left(b, 0, 0, 0);
	check_left(c, 900, 1000, 30);
	LIVE_CHECK(!timer_settime(b, 0, &soon, NULL));
	LIVE_CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 3);
	LIVE_EQUAL(info.si_value.sival_int, 6);
	LIVE_EQUAL(info.si_code, SI_TIMER);
	LIVE_CHECK(!timer_settime(a, 0, &soon, NULL));
	LIVE_CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 3);
	LIVE_EQUAL(info.si_value.sival_int, 5);
	LIVE_CHECK(!timer_delete(a) && !timer_delete(b) && !timer_delete(c));
	return 0;
}
