/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfds for processes that have ended and been waited for: for one in two processes, for two that ended
 * differently. Since Linux 6.9 it can be seen who they are for, since 6.15 how it ended.
 */
#include "live.h"

#include <sys/ioctl.h>
#include <sys/vfs.h>

struct about { /* struct pidfd_info */
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};

static int pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	LIVE_CHECK(fd >= 0);
	return fd;
}

static uint64_t whose(int fd)
{
	struct stat st;

	LIVE_CHECK(!fstat(fd, &st));
	return st.st_ino;
}

/* -1: this kernel does not say. */
static int how(int fd)
{
	struct about about = { .mask = 1 << 3 };

	if (ioctl(fd, _IOWR(0xff, 11, struct about), &about) < 0 || !(about.mask & 1 << 3))
		return -1;
	return about.exit_code;
}

static pid_t child(void)
{
	pid_t pid = fork();

	LIVE_CHECK(pid >= 0);
	while (!pid)
		pause();
	return pid;
}

int main(void)
{
	pid_t killed = child(), left = fork(), brother;
	int one, same, other, status, line[2], back[2];
	bool known, told;
	struct statfs fs;
	uint64_t theirs;
	char c;

	if (!left)
		_exit(5);
	one = pidfd(killed);
	same = pidfd(killed);
	other = pidfd(left);
	LIVE_CHECK(!fstatfs(one, &fs) && !pipe(line) && !pipe(back));
	known = fs.f_type == 0x50494446;
	brother = fork();
	if (!brother) {
		int its = pidfd(killed);

		LIVE_EQUAL(write(back[1], "x", 1), 1);
		LIVE_EQUAL(read(line[0], &c, 1), 1);
		theirs = whose(its);
		LIVE_EQUAL(write(back[1], &theirs, sizeof(theirs)), sizeof(theirs));
		_exit(0);
	}
	LIVE_EQUAL(read(back[0], &c, 1), 1);
	LIVE_CHECK(!kill(killed, SIGKILL));
	LIVE_EQUAL(waitpid(killed, &status, 0), killed);
	LIVE_EQUAL(waitpid(left, &status, 0), left);
	told = how(one) >= 0;

	live_ready();

	LIVE_CHECK(syscall(SYS_pidfd_send_signal, one, 0, NULL, 0) < 0 && errno == ESRCH);
	LIVE_EQUAL(write(line[1], "y", 1), 1);
	LIVE_EQUAL(waitpid(brother, &status, 0), brother);
	LIVE_EQUAL(status, 0);
	LIVE_EQUAL(read(back[0], &theirs, sizeof(theirs)), sizeof(theirs));
	if (known) {
		LIVE_CHECK(whose(one) == whose(same) && whose(one) == theirs);
		LIVE_CHECK(whose(one) != whose(other));
	}
	if (told) {
		LIVE_EQUAL(how(one), SIGKILL);
		LIVE_EQUAL(how(other), 5 << 8);
	}
	return 0;
}
