/* SPDX-License-Identifier: Apache-2.0 */
/* Locked memory stays locked: mlock and MLOCK_ONFAULT. */
#include "live_proc.h"

int main(void)
{
	enum { LEN = 64 << 10 };
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *q = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char line[256];

	LIVE_CHECK(p != MAP_FAILED && q != MAP_FAILED);
	if (mlock(p, LEN) || mlock2(q, LEN, MLOCK_ONFAULT))
		live_skip("mlock is not allowed here");
	p[0] = 1;
	q[0] = 2;
	live_ready();
	LIVE_CHECK(p[0] == 1 && q[0] == 2 && q[LEN - 1] == 0);
	live_smaps(p, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " lo "));
	live_smaps(q, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " lo "));
	return 0;
}
