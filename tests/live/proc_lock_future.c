/* SPDX-License-Identifier: Apache-2.0 */
/* mlockall(MCL_FUTURE): what is mapped afterwards is locked. */
#include "live.h"

enum { SIZE = 1 << 16 };

static long locked(void)
{
	static char text[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	LIVE_CHECK(n > 0 && !close(fd));
	text[n] = '\0';
	LIVE_CHECK(strstr(text, "VmLck:"));
	return atol(strstr(text, "VmLck:") + 6);
}

int main(void)
{
	long before;

	if (mlockall(MCL_FUTURE))
		live_skip("no memory may be locked");
	live_ready();
	before = locked();
	LIVE_CHECK(mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	LIVE_EQUAL(locked() - before, SIZE / 1024);
	return 0;
}
