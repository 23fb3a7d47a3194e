/* SPDX-License-Identifier: Apache-2.0 */
/* Files below /proc of a process that has ended: they are open, and tell what such tell. */
#include "live.h"

static const char *const names[] = { "status", "stat", "mountinfo", "maps", "environ", "", "attr" };

enum { FILES = sizeof(names) / sizeof(names[0]) };

struct told {
	ssize_t n;
	int why;
};

/* It need not be the same text, as the list of mounts is a living one. */
static struct told tells(int fd)
{
	struct told t;
	char c;

	errno = 0;
	t.n = pread(fd, &c, 1, 0); /* EISDIR of a directory */
	t.why = errno;
	return t;
}

int main(void)
{
	int fd[FILES], status;
	struct told before[FILES];
	pid_t pid = fork();
	char path[64];

	LIVE_CHECK(pid >= 0);
	while (!pid)
		pause();
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		LIVE_CHECK(fd[i] >= 0);
	}
	LIVE_CHECK(!kill(pid, SIGKILL));
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < FILES; i++)
		before[i] = tells(fd[i]);

	live_ready();

	for (int i = 0; i < FILES; i++) {
		struct told now = tells(fd[i]);

		LIVE_EQUAL(now.n, before[i].n);
		LIVE_EQUAL(now.why, before[i].why);
		LIVE_EQUAL(fcntl(fd[i], F_GETFD), FD_CLOEXEC);
	}
	LIVE_CHECK(waitpid(-1, &status, 0) < 0 && errno == ECHILD);
	return 0;
}
