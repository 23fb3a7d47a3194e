/* SPDX-License-Identifier: Apache-2.0 */
/* Files below /proc of the other process, held by both, half read; a directory there; a path of it. */
#include "live.h"

static void holds(pid_t other, int until, const char *name)
{
	char path[64], buf[512] = "", own[512] = "";
	int half, list, dir, again;
	char c;

	snprintf(path, sizeof(path), "/proc/%d/status", other);
	half = open(path, O_RDONLY);
	list = open(path, O_PATH);
	snprintf(path, sizeof(path), "/proc/%d/fd", other);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	LIVE_CHECK(half >= 0 && list >= 0 && dir >= 0);
	LIVE_EQUAL(read(half, buf, 6), 6);
	if (until < 0)
		live_ready();
	else
		LIVE_EQUAL(read(until, &c, 1), 1);
	LIVE_EQUAL(lseek(half, 0, SEEK_CUR), 6);
	LIVE_CHECK(pread(half, buf, sizeof(buf) - 1, 0) > 6);
	LIVE_CHECK(!strncmp(buf + 6, name, strlen(name)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", list);
	again = open(path, O_RDONLY);
	LIVE_CHECK(again >= 0 && read(again, own, sizeof(own) - 1) > 0);
	LIVE_CHECK(!strncmp(own + 6, name, strlen(name)));
	LIVE_CHECK(faccessat(dir, "0", F_OK, 0) == 0);
}

int main(void)
{
	pid_t us = getpid(), pid;
	int p[2], status;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(p[1]);
		holds(us, p[0], "file_proc_other");
		_exit(0);
	}
	holds(pid, -1, "file_proc_other");
	LIVE_EQUAL(write(p[1], "x", 1), 1);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	return 0;
}
