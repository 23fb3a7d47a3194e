/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that a fork would find empty (MADV_WIPEONFORK) is not empty after a restart. */
#include "live_proc.h"

int main(void)
{
	enum { LEN = 128 << 10 };
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char line[256];

	LIVE_CHECK(p != MAP_FAILED);
	memset(p, 5, LEN);
	LIVE_CHECK(!madvise(p, LEN, MADV_WIPEONFORK));
	live_ready();
	for (int i = 0; i < LEN; i++)
		LIVE_EQUAL(p[i], 5);
	live_smaps(p, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " wf "));
	return 0;
}
