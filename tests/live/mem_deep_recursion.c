/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpointed at the bottom of a deep recursion, it finds its way up. */
#include "live.h"

static long down(int depth)
{
	volatile long mine = depth * 3L;
	long sum = 0;

	if (depth)
		sum = down(depth - 1);
	else
		live_ready();
	LIVE_EQUAL(mine, depth * 3L);
	return sum + mine;
}

int main(void)
{
	LIVE_EQUAL(down(30000), 30000L * 30001 / 2 * 3);
	return 0;
}
