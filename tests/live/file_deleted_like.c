/* SPDX-License-Identifier: Apache-2.0 */
/* A deleted file keeps its mode, its time and its holes; the umask has no say. */
#include "live.h"

enum { SIZE = 64 << 20, BLOCKS_MAX = 1024 };

int main(void)
{
	const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	int fd = live_file("file", 3, 'a');
	struct stat st;
	char c = 0;

	umask(0777);
	LIVE_CHECK(!ftruncate(fd, SIZE) && pwrite(fd, "b", 1, SIZE / 2) == 1);
	LIVE_CHECK(!fchmod(fd, 0421) && !futimens(fd, times) && !unlink("file"));
	live_ready();
	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_mode & 07777, 0421);
	LIVE_EQUAL(st.st_mtim.tv_sec, 2000);
	LIVE_EQUAL(st.st_size, SIZE);
	LIVE_CHECK(st.st_blocks < BLOCKS_MAX);
	LIVE_CHECK(pread(fd, &c, 1, SIZE / 2) == 1 && c == 'b');
	LIVE_CHECK(pread(fd, &c, 1, 0) == 1 && c == 'a');
	LIVE_CHECK(pread(fd, &c, 1, 4096) == 1 && !c);
	return 0;
}
