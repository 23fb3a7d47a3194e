/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd: one that goes off once, soon, does so once: before, in the middle of, or after a checkpoint. */
#include "live.h"

#include <sys/timerfd.h>

enum { TIMERS = 8, STEP_NS = 75000000 };

int main(void)
{
	int fds[TIMERS];

	for (int i = 0; i < TIMERS; i++) {
		struct itimerspec soon = { { 0, 0 }, { 0, (i + 1) * STEP_NS } };

		fds[i] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		LIVE_CHECK(fds[i] >= 0 && !timerfd_settime(fds[i], 0, &soon, NULL));
	}
	live_ready();
	for (int i = 0; i < TIMERS; i++) {
		struct itimerspec left;
		uint64_t n = 0;

		LIVE_CHECK(read(fds[i], &n, sizeof(n)) == sizeof(n));
		LIVE_EQUAL(n, 1);
		LIVE_CHECK(!timerfd_gettime(fds[i], &left));
		LIVE_EQUAL(left.it_value.tv_sec, 0);
		LIVE_EQUAL(left.it_value.tv_nsec, 0);
	}
	return 0;
}
