/* SPDX-License-Identifier: Apache-2.0 */
/* A MAP_GROWSDOWN area still grows down. */
#include "live.h"

int main(void)
{
	/* Room for it to grow into: reserve, then give the lower part back. */
	char *room = mmap(NULL, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *top = room + (8 << 20) - 4096;
	volatile char *p;

	LIVE_CHECK(room != MAP_FAILED && !munmap(room, 8 << 20));
	p = mmap(top, 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	LIVE_CHECK(p == top);
	p[0] = 1;
	live_ready();
	LIVE_EQUAL(p[0], 1);
	for (int i = 1; i < 64; i++)
		p[-i * 4096] = (char)i;
	LIVE_EQUAL(p[-63 * 4096], 63);
	return 0;
}
