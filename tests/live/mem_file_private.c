/* SPDX-License-Identifier: Apache-2.0 */
/* A private mapping of a file: pages written are ours, the others are still the file's. */
#include "live.h"

int main(void)
{
	enum { LEN = 16 * 4096 };
	int fd = live_file("private", LEN, 'f');
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	LIVE_CHECK(p != MAP_FAILED);
	close(fd);
	p[5 * 4096 + 7] = 'm';
	LIVE_EQUAL(p[9 * 4096], 'f'); /* read, not written */
	live_ready();
	for (int i = 0; i < LEN; i++)
		LIVE_EQUAL(p[i], i == 5 * 4096 + 7 ? 'm' : 'f');
	fd = open("private", O_RDONLY | O_CLOEXEC);
	LIVE_CHECK(pread(fd, p, 1, 5 * 4096 + 7) == 1);
	LIVE_EQUAL(p[0], 'f');
	return 0;
}
