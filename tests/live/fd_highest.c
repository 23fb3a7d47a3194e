/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors at the very last numbers that the limit allows, as valgrind keeps its own. */
#include "live.h"

#include <sys/resource.h>

enum { LIMIT_MAX = 1 << 20, LAST = 8 };

int main(void)
{
	struct rlimit limit;
	int top, ends[2];
	char c;

	LIVE_CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < LIMIT_MAX ? limit.rlim_max : LIMIT_MAX;
	LIVE_CHECK(!setrlimit(RLIMIT_NOFILE, &limit) && !pipe(ends));
	top = (int)limit.rlim_cur - 1;
	for (int fd = top; fd > top - LAST; fd--)
		LIVE_CHECK(dup2(ends[fd % 2], fd) == fd);
	LIVE_CHECK(write(ends[1], "a", 1) == 1);
	live_ready();
	for (int fd = top; fd > top - LAST; fd--) {
		if (fd % 2)
			continue;
		LIVE_CHECK(read(fd, &c, 1) == 1 && c == 'a');
		LIVE_CHECK(write(fd + 1, "a", 1) == 1);
	}
	LIVE_CHECK(fcntl(top - LAST, F_GETFD) == -1 && errno == EBADF);
	return 0;
}
