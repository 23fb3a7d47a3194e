/* SPDX-License-Identifier: Apache-2.0 */
/* A file that was deleted while open: contents, offset, and still without a name. */
#include "live.h"

int main(void)
{
	int fd = live_file("tmp", 50000, 't'), again;
	struct stat st;
	char c;

	again = open("tmp", O_RDONLY | O_CLOEXEC);
	LIVE_CHECK(again >= 0 && !unlink("tmp"));
	LIVE_EQUAL(pwrite(fd, "Q", 1, 40000), 1);
	LIVE_EQUAL(lseek(fd, 40000, SEEK_SET), 40000);
	live_ready();
	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_size, 50000);
	LIVE_EQUAL(st.st_nlink, 0);
	LIVE_CHECK(read(fd, &c, 1) == 1 && c == 'Q');
	LIVE_EQUAL(pwrite(fd, "R", 1, 1), 1);
	LIVE_CHECK(pread(again, &c, 1, 1) == 1 && c == 'R'); /* still the same file */
	LIVE_CHECK(access("tmp", F_OK) == -1);
	return 0;
}
