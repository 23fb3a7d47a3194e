/* SPDX-License-Identifier: Apache-2.0 */
/* MADV_DONTDUMP and MADV_DONTFORK stick; what stands in a range that fork leaves out survives. */
#include "live_proc.h"

int main(void)
{
	enum { LEN = 256 << 10 };
	char *dump, *forked, line[256];

	dump = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	forked = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	LIVE_CHECK(dump != MAP_FAILED && forked != MAP_FAILED);
	memset(dump, 3, LEN);
	memset(forked, 4, LEN);
	LIVE_CHECK(!madvise(dump, LEN, MADV_DONTDUMP));
	LIVE_CHECK(!madvise(forked, LEN, MADV_DONTFORK));
	live_ready();
	live_smaps(dump, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " dd "));
	live_smaps(forked, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " dc "));
	for (int i = 0; i < LEN; i++)
		LIVE_CHECK(dump[i] == 3 && forked[i] == 4);
	return 0;
}
