/* SPDX-License-Identifier: Apache-2.0 */
/* O_TMPFILE: a file that never had a name. */
#include "live.h"

int main(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char buf[6] = "";

	if (fd < 0)
		live_skip("this file system has no O_TMPFILE");
	LIVE_EQUAL(write(fd, "hello", 5), 5);
	live_ready();
	LIVE_EQUAL(lseek(fd, 0, SEEK_CUR), 5);
	LIVE_EQUAL(pread(fd, buf, 5, 0), 5);
	LIVE_CHECK(!strcmp(buf, "hello"));
	return 0;
}
