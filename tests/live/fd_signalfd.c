/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd: its mask, and a signal that waits in it. */
#include "live.h"

#include <sys/signalfd.h>

int main(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	LIVE_CHECK(fd >= 0);
	LIVE_CHECK(!sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 55 }));
	live_ready();
	LIVE_EQUAL(read(fd, &info, sizeof(info)), sizeof(info));
	LIVE_EQUAL(info.ssi_signo, SIGRTMIN + 1);
	LIVE_EQUAL(info.ssi_int, 55);
	LIVE_CHECK(read(fd, &info, sizeof(info)) == -1 && errno == EAGAIN);
	LIVE_CHECK(!raise(SIGUSR1));
	LIVE_EQUAL(read(fd, &info, sizeof(info)), sizeof(info));
	LIVE_EQUAL(info.ssi_signo, SIGUSR1);
	return 0;
}
