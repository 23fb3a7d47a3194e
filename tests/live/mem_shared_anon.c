/* SPDX-License-Identifier: Apache-2.0 */
/* MAP_SHARED anonymous memory, seen at two addresses, stays one memory. */
#include "live.h"

int main(void)
{
	enum { LEN = 1 << 20 };
	char *a = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *b;

	LIVE_CHECK(a != MAP_FAILED);
	for (int i = 0; i < LEN / 2; i++)
		a[i] = (char)(i * 7);
	b = mremap(a, 0, LEN, MREMAP_MAYMOVE); /* old length 0: a second view */
	LIVE_CHECK(b != MAP_FAILED && b != a);
	live_ready();
	for (int i = 0; i < LEN / 2; i++)
		LIVE_CHECK(a[i] == (char)(i * 7) && b[i] == a[i]);
	a[LEN - 1] = 9;
	LIVE_EQUAL(b[LEN - 1], 9);
	return 0;
}
