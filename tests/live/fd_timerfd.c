/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd: time left, interval, and it goes off. */
#include "live.h"

#include <sys/timerfd.h>

int main(void)
{
	int far = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), tick;
	struct itimerspec long_time = { { 20, 0 }, { 1000, 0 } }, now;
	struct itimerspec fast = { { 0, 10000000 }, { 0, 10000000 } };
	uint64_t n = 0;

	tick = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
	LIVE_CHECK(far >= 0 && tick >= 0);
	LIVE_CHECK(!timerfd_settime(far, 0, &long_time, NULL));
	LIVE_CHECK(!timerfd_settime(tick, 0, &fast, NULL));
	live_ready();
	LIVE_CHECK(!timerfd_gettime(far, &now));
	LIVE_EQUAL(now.it_interval.tv_sec, 20);
	LIVE_CHECK(now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000);
	LIVE_CHECK(read(tick, &n, 8) == 8 && n > 0);
	LIVE_CHECK(read(tick, &n, 8) == 8 && n > 0);
	return 0;
}
