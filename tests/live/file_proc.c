/* SPDX-License-Identifier: Apache-2.0 */
/* Open files of /proc: about itself and about the system; its memory, and the namespaces that it is in. */
#include "live.h"

static int opened(const char *path, int how)
{
	int fd = open(path, how | O_CLOEXEC);

	LIVE_CHECK(fd >= 0);
	return fd;
}

static volatile int value = 42;

int main(void)
{
	int self = opened("/proc/self/status", O_RDONLY), load = opened("/proc/loadavg", O_RDONLY);
	int memory = opened("/proc/self/mem", O_RDWR), comm = opened("/proc/self/comm", O_RDWR);
	int fds = opened("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	int space = opened("/proc/self/ns/net", O_RDONLY);
	struct stat mine, its;
	char buf[4096];
	ssize_t n;
	int copy = 0;

	live_ready();
	n = pread(self, buf, sizeof(buf) - 1, 0);
	LIVE_CHECK(n > 0);
	buf[n] = '\0';
	LIVE_CHECK(strstr(buf, "Pid:"));
	LIVE_CHECK(pread(load, buf, sizeof(buf), 0) > 0);
	LIVE_EQUAL(pread(memory, &copy, sizeof(copy), (off_t)(uintptr_t)&value), sizeof(copy));
	LIVE_EQUAL(copy, 42);
	LIVE_EQUAL(write(comm, "other", 5), 5);
	LIVE_CHECK(!faccessat(fds, "0", F_OK, 0));
	LIVE_CHECK(!fstat(space, &its) && !stat("/proc/self/ns/net", &mine));
	LIVE_EQUAL(its.st_ino, mine.st_ino);
	LIVE_EQUAL(its.st_dev, mine.st_dev);
	return 0;
}
