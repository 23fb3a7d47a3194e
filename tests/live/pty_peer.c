/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal whose slave was opened with TIOCGPTPEER and O_CLOEXEC, as those of containers are: the
 * description keeps that flag, but only the descriptor that it was opened for is closed by execve.
 */
#include "live.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>

enum { STREAM = 20 };

static void check(int peer)
{
	LIVE_EQUAL(fcntl(peer, F_GETFD), FD_CLOEXEC);
	LIVE_EQUAL(fcntl(STREAM, F_GETFD), 0);
	LIVE_EQUAL(fcntl(STREAM + 1, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), peer, ask[2];
	char c;
	pid_t pid;
	int status;

	LIVE_CHECK(master >= 0 && !grantpt(master) && !unlockpt(master));
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	LIVE_CHECK(peer >= 0);
	LIVE_CHECK(dup2(peer, STREAM) == STREAM);
	LIVE_CHECK(fcntl(peer, F_DUPFD_CLOEXEC, STREAM + 1) == STREAM + 1);
	LIVE_CHECK(!pipe(ask));
	pid = fork();
	if (!pid) { /* one that sleeps */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ask[1]);
		LIVE_EQUAL(read(ask[0], &c, 1), 0);
		check(peer);
		_exit(0);
	}
	live_ready();
	check(peer);
	close(ask[1]);
	LIVE_CHECK(waitpid(pid, &status, 0) == pid);
	LIVE_EQUAL(status, 0);
	return 0;
}
