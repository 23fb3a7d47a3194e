/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of areas, neighbours of different protection. */
#include "live_proc.h"

int main(void)
{
	enum { N = 6000 };
	char *p =
		mmap(NULL, N * 4096UL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int lines;

	LIVE_CHECK(p != MAP_FAILED);
	for (int i = 0; i < N; i++) {
		p[i * 4096L] = (char)i;
		if (i % 2)
			LIVE_CHECK(!mprotect(p + i * 4096L, 4096, PROT_READ));
	}
	lines = live_count_maps();
	live_ready();
	LIVE_EQUAL(live_count_maps(), lines);
	for (int i = 0; i < N; i++)
		LIVE_EQUAL(p[i * 4096L], (char)i);
	return 0;
}
