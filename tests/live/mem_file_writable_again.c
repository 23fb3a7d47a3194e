/* SPDX-License-Identifier: Apache-2.0 */
/* A shared file that is mapped only to be read for now, by a descriptor that could write and is closed. */
#include "live.h"

int main(int argc, char **argv)
{
	const size_t page = 4096;
	char *p, byte;
	int fd;

	(void)argc;
	/* What is below $TMPDIR is kept in another way. */
	if (!unsetenv("TMPDIR") && !getenv("LIVE_AGAIN")) {
		setenv("LIVE_AGAIN", "1", 1);
		execv("/proc/self/exe", argv);
	}
	fd = live_file("written", 2 * page, 'a');
	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	LIVE_CHECK(p != MAP_FAILED);
	p[page] = 'b';
	LIVE_CHECK(!mprotect(p, 2 * page, PROT_READ));
	close(fd);

	live_ready();

	LIVE_CHECK(p[0] == 'a' && p[page] == 'b');
	LIVE_CHECK(!mprotect(p, 2 * page, PROT_READ | PROT_WRITE));
	p[0] = 'c';
	fd = open("written", O_RDONLY);
	LIVE_EQUAL(read(fd, &byte, 1), 1);
	LIVE_EQUAL(byte, 'c');
	return 0;
}
