/* SPDX-License-Identifier: Apache-2.0 */
/* A shared mapping of a file still writes to the file. */
#include "live.h"

int main(void)
{
	enum { LEN = 8 * 4096 };
	int fd = live_file("shared", LEN, 's');
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char c;

	LIVE_CHECK(p != MAP_FAILED);
	p[4096] = 'a';
	live_ready();
	LIVE_CHECK(p[4096] == 'a' && p[0] == 's');
	p[4097] = 'b';
	LIVE_CHECK(pread(fd, &c, 1, 4097) == 1);
	LIVE_EQUAL(c, 'b');
	LIVE_CHECK(pwrite(fd, "c", 1, 4098) == 1);
	LIVE_EQUAL(p[4098], 'c');
	return 0;
}
