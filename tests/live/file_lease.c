/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: a reader's, a writer's that is told when somebody else opens the file, and two that have been told
 * and not yet given way, to a writer and a reader: whoever opens the file would wait for that.
 */
#include "live.h"

static sigset_t set;

/* A new file, with a writer's lease. */
static int leased(const char *name, char fill)
{
	int fd = live_file(name, 8, fill);

	LIVE_CHECK(!fcntl(fd, F_SETSIG, SIGUSR1));
	LIVE_CHECK(!fcntl(fd, F_SETLEASE, F_WRLCK));
	return fd;
}

/* Who opens @name, @how, is held off, and @fd, which has the lease, is told. */
static void tells(int fd, const char *name, int how)
{
	siginfo_t info;

	LIVE_CHECK(open(name, how | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
	LIVE_EQUAL(sigwaitinfo(&set, &info), SIGUSR1);
	LIVE_EQUAL(info.si_fd, fd);
}

int main(void)
{
	int write_lease, read_lease, asked_for, asked_to_share;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	close(live_file("read", 8, 'r'));
	read_lease = open("read", O_RDONLY | O_CLOEXEC);
	if (fcntl(read_lease, F_SETLEASE, F_RDLCK))
		live_skip("no leases in this file system");
	write_lease = leased("write", 'w');
	asked_for = leased("asked-for", 'a');
	tells(asked_for, "asked-for", O_WRONLY);
	asked_to_share = leased("share", 's');
	tells(asked_to_share, "share", O_RDONLY);

	live_ready();

	LIVE_EQUAL(fcntl(asked_for, F_GETLEASE), F_UNLCK);
	LIVE_EQUAL(fcntl(read_lease, F_GETLEASE), F_RDLCK);
	LIVE_EQUAL(fcntl(write_lease, F_GETLEASE), F_WRLCK);
	tells(write_lease, "write", O_RDONLY);
	LIVE_CHECK(!fcntl(write_lease, F_SETLEASE, F_UNLCK));
	unlink("read");
	unlink("write");
	unlink("asked-for");
	LIVE_CHECK(fcntl(asked_to_share, F_SETLEASE, F_UNLCK) == 0 || errno == EAGAIN);
	unlink("share");
	return 0;
}
