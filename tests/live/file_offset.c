/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write positions, access mode and status flags of regular files. */
#include "live.h"

int main(void)
{
	int rd = live_file("data", 1000, 'd'), wr, ap;
	char buf[10];

	close(rd);
	rd = open("data", O_RDONLY | O_CLOEXEC);
	wr = open("data", O_WRONLY);
	ap = open("log", O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_TRUNC, 0600);
	LIVE_CHECK(rd >= 0 && wr >= 0 && ap >= 0);
	LIVE_EQUAL(lseek(rd, 100, SEEK_SET), 100);
	LIVE_EQUAL(lseek(wr, 200, SEEK_SET), 200);
	LIVE_EQUAL(write(ap, "one", 3), 3);
	live_ready();
	LIVE_EQUAL(lseek(rd, 0, SEEK_CUR), 100);
	LIVE_EQUAL(lseek(wr, 0, SEEK_CUR), 200);
	LIVE_EQUAL(fcntl(rd, F_GETFD), FD_CLOEXEC);
	LIVE_EQUAL(fcntl(wr, F_GETFD), 0);
	LIVE_EQUAL(fcntl(rd, F_GETFL) & O_ACCMODE, O_RDONLY);
	LIVE_EQUAL(fcntl(wr, F_GETFL) & O_ACCMODE, O_WRONLY);
	LIVE_EQUAL(fcntl(ap, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND | O_NONBLOCK);
	LIVE_EQUAL(write(wr, "W", 1), 1);
	LIVE_EQUAL(pread(rd, buf, 2, 200), 2);
	LIVE_CHECK(buf[0] == 'W' && buf[1] == 'd');
	LIVE_EQUAL(write(ap, "two", 3), 3);
	LIVE_EQUAL(lseek(ap, 0, SEEK_END), 6);
	return 0;
}
