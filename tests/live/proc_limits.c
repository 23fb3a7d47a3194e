/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits, soft and hard. */
#include "live.h"

#include <sys/resource.h>

int main(void)
{
	struct rlimit before[RLIM_NLIMITS], after;
	struct rlimit files = { 200, 300 }, core = { 0, 4096 }, stack = { 4 << 20, RLIM_INFINITY };

	LIVE_CHECK(!setrlimit(RLIMIT_NOFILE, &files) && !setrlimit(RLIMIT_CORE, &core));
	LIVE_CHECK(!getrlimit(RLIMIT_STACK, &after));
	stack.rlim_max = after.rlim_max;
	LIVE_CHECK(!setrlimit(RLIMIT_STACK, &stack));
	for (int i = 0; i < RLIM_NLIMITS; i++)
		LIVE_CHECK(!getrlimit((__rlimit_resource_t)i, &before[i]));
	live_ready();
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		LIVE_CHECK(!getrlimit((__rlimit_resource_t)i, &after));
		LIVE_EQUAL(after.rlim_cur, before[i].rlim_cur);
		LIVE_EQUAL(after.rlim_max, before[i].rlim_max);
	}
	return 0;
}
