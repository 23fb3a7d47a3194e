/* SPDX-License-Identifier: Apache-2.0 */
/* MADV_HUGEPAGE and MADV_NOHUGEPAGE stick to their areas. */
#include "live_proc.h"

int main(void)
{
	enum { LEN = 8 << 20 };
	static const int advice[] = { MADV_HUGEPAGE, MADV_NOHUGEPAGE };
	static const char *const flag[] = { " hg ", " nh " };
	char *p[2], line[256];

	for (int i = 0; i < 2; i++) {
		p[i] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		LIVE_CHECK(p[i] != MAP_FAILED);
		LIVE_CHECK(!madvise(p[i], LEN, advice[i]));
		memset(p[i], 1 + i, LEN);
	}
	live_ready();
	for (int i = 0; i < 2; i++) {
		live_smaps(p[i], "VmFlags:", line, sizeof(line));
		LIVE_CHECK(strstr(line, flag[i]));
		for (int k = 0; k < LEN; k += 999)
			LIVE_EQUAL(p[i][k], 1 + i);
	}
	return 0;
}
