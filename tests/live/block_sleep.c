/* SPDX-License-Identifier: Apache-2.0 */
/* nanosleep, clock_nanosleep to a point of time, usleep in a select: they end with 0, not too early. */
#include "live_proc.h"

#include <sys/select.h>

static int64_t end;

static void *relative(void *tid)
{
	struct timespec t = { 0, 800000000 };

	live_here(tid);
	LIVE_EQUAL(nanosleep(&t, NULL), 0);
	return NULL;
}

static void *absolute(void *tid)
{
	struct timespec t = { end / 1000000000, end % 1000000000 };

	live_here(tid);
	LIVE_EQUAL(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
	LIVE_CHECK(live_now_ns(CLOCK_MONOTONIC) >= end);
	return NULL;
}

static void *in_select(void *tid)
{
	struct timeval t = { 0, 800000 };

	live_here(tid);
	LIVE_EQUAL(select(0, NULL, NULL, NULL, &t), 0);
	return NULL;
}

int main(void)
{
	void *(*const run[])(void *) = { relative, absolute, in_select };
	pid_t tid[3] = { 0 };
	pthread_t t[3];

	end = live_now_ns(CLOCK_MONOTONIC) + 800000000;
	for (int i = 0; i < 3; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_ready();
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
