/* SPDX-License-Identifier: Apache-2.0 */
/* The heap is where it was, whole, and grows and shrinks after the restart. */
#include "live.h"

int main(void)
{
	size_t len = 3 << 20;
	char *start = sbrk((intptr_t)len), *end;

	LIVE_CHECK(start != (void *)-1);
	memset(start, 'h', len);
	end = sbrk(0);
	live_ready();
	LIVE_CHECK(sbrk(0) == end);
	for (size_t i = 0; i < len; i++)
		LIVE_EQUAL(start[i], 'h');
	LIVE_CHECK(sbrk(1 << 20) == end);
	memset(end, 'i', 1 << 20);
	LIVE_CHECK(!brk(end));
	LIVE_CHECK(sbrk(0) == end);
	free(malloc(100000));
	return 0;
}
