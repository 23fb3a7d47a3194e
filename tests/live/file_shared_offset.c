/* SPDX-License-Identifier: Apache-2.0 */
/* One description under two numbers has one offset; two descriptions of one file have two. */
#include "live.h"

int main(void)
{
	int a = live_file("f", 100, 'x'), b = dup(a), high = fcntl(a, F_DUPFD_CLOEXEC, 150);
	int other = open("f", O_RDONLY | O_CLOEXEC);

	LIVE_CHECK(b >= 0 && high >= 150 && other >= 0);
	lseek(a, 10, SEEK_SET);
	lseek(other, 50, SEEK_SET);
	live_ready();
	LIVE_EQUAL(lseek(b, 5, SEEK_CUR), 15);
	LIVE_EQUAL(lseek(a, 0, SEEK_CUR), 15);
	LIVE_EQUAL(lseek(high, 0, SEEK_CUR), 15);
	LIVE_EQUAL(lseek(other, 0, SEEK_CUR), 50);
	LIVE_EQUAL(fcntl(b, F_GETFD), 0);
	LIVE_EQUAL(fcntl(high, F_GETFD), FD_CLOEXEC);
	return 0;
}
