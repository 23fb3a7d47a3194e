/* SPDX-License-Identifier: Apache-2.0 */
/* The main stack keeps what it holds and grows further after the restart. */
#include "live.h"

static int sink(int depth)
{
	volatile char room[1024];

	room[0] = (char)depth;
	room[1023] = (char)depth;
	if (depth)
		LIVE_EQUAL(sink(depth - 1), depth - 1);
	LIVE_EQUAL(room[0], (char)depth);
	return depth;
}

int main(void)
{
	volatile char local[2048];

	for (int i = 0; i < 2048; i++)
		local[i] = (char)i;
	sink(100);
	live_ready();
	sink(5000); /* 5 MiB of the usual 8 */
	for (int i = 0; i < 2048; i++)
		LIVE_EQUAL(local[i], (char)i);
	return 0;
}
