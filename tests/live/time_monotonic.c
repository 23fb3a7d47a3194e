/* SPDX-License-Identifier: Apache-2.0 */
/* CLOCK_MONOTONIC, BOOTTIME and the thread's CPU clock never run backwards. */
#include "live.h"

int main(void)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
					    CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME };
	int64_t before[4];

	for (int i = 0; i < 4; i++)
		before[i] = live_now_ns(clocks[i]);
	live_ready();
	for (int i = 0; i < 4; i++)
		LIVE_CHECK(live_now_ns(clocks[i]) >= before[i]);
	return 0;
}
