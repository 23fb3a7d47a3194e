/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that the kernel may empty at any time (MAP_DROPPABLE) is empty after a restart, and as it was. */
#include "live_proc.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

/* Of who is there under our id. */
static uint64_t who(void)
{
	struct stat st;

	LIVE_CHECK(!stat("/proc/self", &st));
	return st.st_ino;
}

int main(void)
{
	enum { LEN = 128 << 10 };
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
	uint64_t before = who();
	bool restarted;
	char line[256];

	if (p == MAP_FAILED)
		live_skip("no MAP_DROPPABLE here");
	memset(p, 5, LEN);
	live_ready();
	restarted = who() != before;
	for (int i = 0; restarted && i < LEN; i++)
		LIVE_EQUAL(p[i], 0);
	memset(p, 6, LEN);
	live_smaps(p, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " dp"));
	return 0;
}
