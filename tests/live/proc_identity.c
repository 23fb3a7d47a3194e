/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/exe, cmdline, comm, environ, auxv and the user's and parent's ids are what they were. */
#include "live.h"

static const char *const files[] = { "cmdline", "comm", "environ", "auxv" };
static char before[4][32768], after[4][32768];

static ssize_t slurp(const char *name, char *buf)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	LIVE_CHECK(fd >= 0);
	n = read(fd, buf, sizeof(before[0]));
	close(fd);
	return n;
}

int main(void)
{
	char exe[4096] = "", exe_now[4096] = "";
	pid_t pid = getpid(), ppid = getppid();
	uid_t uid = getuid();
	ssize_t n[4];

	LIVE_CHECK(!setenv("LIVE_TEST", "value", 1));
	LIVE_CHECK(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	for (int i = 0; i < 4; i++)
		n[i] = slurp(files[i], before[i]);
	live_ready();
	LIVE_CHECK(readlink("/proc/self/exe", exe_now, sizeof(exe_now) - 1) > 0);
	LIVE_CHECK(!strcmp(exe, exe_now));
	for (int i = 0; i < 4; i++) {
		LIVE_EQUAL(slurp(files[i], after[i]), n[i]);
		LIVE_CHECK(!memcmp(before[i], after[i], n[i]));
	}
	LIVE_EQUAL(getpid(), pid);
	LIVE_EQUAL(getppid(), ppid);
	LIVE_EQUAL(getuid(), uid);
	LIVE_EQUAL(geteuid(), uid);
	LIVE_CHECK(!strcmp(getenv("LIVE_TEST"), "value"));
	return 0;
}
