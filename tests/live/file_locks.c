/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX, OFD and flock locks are held again. */
#include "live.h"

#include <sys/file.h>

static int locked_by_other(int cmd, off_t start)
{
	struct flock fl = { .l_type = F_WRLCK, .l_start = start, .l_len = 10 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		int fd = open("locks", O_RDWR | O_CLOEXEC);

		_exit(cmd ? fcntl(fd, cmd, &fl) == -1 : flock(fd, LOCK_EX | LOCK_NB) == -1);
	}
	LIVE_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

int main(void)
{
	struct flock posix = { .l_type = F_WRLCK, .l_start = 0, .l_len = 10 };
	struct flock ofd = { .l_type = F_WRLCK, .l_start = 100, .l_len = 10 };
	int fd = live_file("locks", 200, 'l');

	LIVE_CHECK(!fcntl(fd, F_SETLK, &posix) && !fcntl(fd, F_OFD_SETLK, &ofd));
	LIVE_CHECK(!flock(fd, LOCK_EX));
	live_ready();
	LIVE_EQUAL(locked_by_other(F_SETLK, 0), 1);
	LIVE_EQUAL(locked_by_other(F_OFD_SETLK, 100), 1);
	LIVE_EQUAL(locked_by_other(F_SETLK, 150), 0);
	LIVE_EQUAL(locked_by_other(0, 0), 1);
	return 0;
}
