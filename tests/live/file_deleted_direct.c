/* SPDX-License-Identifier: Apache-2.0 */
/* A file that was deleted while open with O_DIRECT: contents that fill no block, offset, flag. */
#include "live.h"

#include <errno.h>
#include <stdlib.h>

enum { DIRECT_BLOCK = 4096, DIRECT_SIZE = 3 * DIRECT_BLOCK + 100 };

int main(void)
{
	int fd;
	char *block = aligned_alloc(DIRECT_BLOCK, DIRECT_BLOCK);
	struct stat st;

	close(live_file("tmp", DIRECT_SIZE, 't'));
	fd = open("tmp", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0 && errno == EINVAL)
		live_skip("this file system has no O_DIRECT");
	LIVE_CHECK(block && fd >= 0 && !unlink("tmp"));
	memset(block, 'd', DIRECT_BLOCK);
	LIVE_EQUAL(pwrite(fd, block, DIRECT_BLOCK, DIRECT_BLOCK), DIRECT_BLOCK);
	LIVE_EQUAL(lseek(fd, 2 * DIRECT_BLOCK, SEEK_SET), 2 * DIRECT_BLOCK);
	live_ready();
	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_size, DIRECT_SIZE);
	LIVE_EQUAL(st.st_nlink, 0);
	LIVE_CHECK(fcntl(fd, F_GETFL) & O_DIRECT);
	LIVE_EQUAL(lseek(fd, 0, SEEK_CUR), 2 * DIRECT_BLOCK);
	LIVE_EQUAL(pread(fd, block, DIRECT_BLOCK, DIRECT_BLOCK), DIRECT_BLOCK);
	LIVE_CHECK(block[0] == 'd' && block[DIRECT_BLOCK - 1] == 'd');
	LIVE_EQUAL(pwrite(fd, block, DIRECT_BLOCK, 0), DIRECT_BLOCK);
	return 0;
}
