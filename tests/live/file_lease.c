/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: a reader's, a writer's that is told when somebody else opens the file, and three that have been
 * told and not yet given way, to a writer, to a reader, and a reader's to a writer: whoever opens the file
 * waits for that.
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

static void held_off(const char *name, int how)
{
	LIVE_CHECK(open(name, how | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
}

/* Who opens @name, @how, is held off, and @fd, which has the lease, is told. */
static void tells(int fd, const char *name, int how)
{
	siginfo_t info;

	held_off(name, how);
	LIVE_EQUAL(sigwaitinfo(&set, &info), SIGUSR1);
	LIVE_EQUAL(info.si_fd, fd);
}

int main(void)
{
	int write_lease, read_lease, asked_for, asked_to_share, asked_reader, other;
	sigset_t pending;

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
	close(live_file("reader", 8, 'r'));
	asked_reader = open("reader", O_RDONLY | O_CLOEXEC);
	LIVE_CHECK(!fcntl(asked_reader, F_SETSIG, SIGUSR1));
	LIVE_CHECK(!fcntl(asked_reader, F_SETLEASE, F_RDLCK));
	tells(asked_reader, "reader", O_WRONLY);

	live_ready();

	LIVE_CHECK(!sigpending(&pending));
	LIVE_EQUAL(sigismember(&pending, SIGUSR1), 0);
	LIVE_EQUAL(fcntl(asked_for, F_GETLEASE), F_UNLCK);
	LIVE_EQUAL(fcntl(asked_to_share, F_GETLEASE), F_RDLCK);
	LIVE_EQUAL(fcntl(asked_to_share, F_GETOWN), getpid());
	LIVE_EQUAL(fcntl(asked_reader, F_GETLEASE), F_UNLCK);
	held_off("asked-for", O_RDONLY);
	tells(asked_to_share, "share", O_WRONLY); /* that is more than was asked for */
	held_off("reader", O_WRONLY);
	LIVE_CHECK((other = open("reader", O_RDONLY | O_NONBLOCK)) >= 0);
	close(other);
	LIVE_EQUAL(fcntl(read_lease, F_GETLEASE), F_RDLCK);
	LIVE_EQUAL(fcntl(write_lease, F_GETLEASE), F_WRLCK);
	tells(write_lease, "write", O_RDONLY);
	LIVE_CHECK(!fcntl(write_lease, F_SETLEASE, F_UNLCK));
	unlink("read");
	unlink("write");
	unlink("asked-for");
	LIVE_CHECK(!fcntl(asked_to_share, F_SETLEASE, F_UNLCK));
	LIVE_CHECK(!fcntl(asked_reader, F_SETLEASE, F_UNLCK));
	unlink("reader");
	unlink("share");
	return 0;
}
