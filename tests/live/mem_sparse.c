/* SPDX-License-Identifier: Apache-2.0 */
/* Every seventh page of a big area holds data; pages only read stay zero. */
#include "live.h"

int main(void)
{
	enum { PAGES = 16384 };
	unsigned char *p = mmap(NULL, PAGES * 4096UL, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	LIVE_CHECK(p != MAP_FAILED);
	for (long i = 0; i < PAGES; i++)
		if (i % 7 == 0)
			memset(p + i * 4096, (int)(i % 251), 4096);
		else
			LIVE_EQUAL(p[i * 4096], 0);
	live_ready();
	for (long i = 0; i < PAGES; i++)
		for (int k = 0; k < 4096; k += 511)
			LIVE_EQUAL(p[i * 4096 + k], i % 7 ? 0 : i % 251);
	return 0;
}
