/* SPDX-License-Identifier: Apache-2.0 */
/* 100 GiB reserved and hardly touched cost nothing and stay reserved. */
#include "live_proc.h"

int main(void)
{
	const size_t len = 100UL << 30;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *none = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char line[256];

	LIVE_CHECK(p != MAP_FAILED && none != MAP_FAILED);
	for (size_t at = 0; at < len; at += len / 16)
		p[at] = (char)(at / (len / 16) + 1);
	live_ready();
	for (size_t at = 0; at < len; at += len / 16)
		LIVE_EQUAL(p[at], at / (len / 16) + 1);
	live_smaps(p, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(strstr(line, " nr "));
	p[len - 1] = 1;
	LIVE_CHECK(!mprotect(none + (len >> 1), 4096, PROT_READ | PROT_WRITE));
	none[len >> 1] = 1;
	return 0;
}
