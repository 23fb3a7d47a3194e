/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: a reader's, a writer's that is told when somebody else opens the file, and two that have been told
 * and not yet given way, to a writer and a reader: whoever opens the file would wait for that.
 */
#include "live.h"

int main(void)
{
	int write_lease, read_lease, asked_for, asked_to_share;
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	close(live_file("read", 8, 'r'));
	read_lease = open("read", O_RDONLY | O_CLOEXEC);
	write_lease = live_file("write", 8, 'w');
	if (fcntl(read_lease, F_SETLEASE, F_RDLCK))
		live_skip("no leases in this file system");
	LIVE_CHECK(!fcntl(write_lease, F_SETSIG, SIGUSR1));
	LIVE_CHECK(!fcntl(write_lease, F_SETLEASE, F_WRLCK));

	asked_for = live_file("asked-for", 8, 'a');
	LIVE_CHECK(!fcntl(asked_for, F_SETSIG, SIGUSR1));
	LIVE_CHECK(!fcntl(asked_for, F_SETLEASE, F_WRLCK));
	LIVE_CHECK(open("asked-for", O_WRONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
	LIVE_EQUAL(sigwaitinfo(&set, &info), SIGUSR1);
	LIVE_EQUAL(info.si_fd, asked_for);

	asked_to_share = live_file("share", 8, 's');
	LIVE_CHECK(!fcntl(asked_to_share, F_SETSIG, SIGUSR1));
	LIVE_CHECK(!fcntl(asked_to_share, F_SETLEASE, F_WRLCK));
	LIVE_CHECK(open("share", O_RDONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
	LIVE_EQUAL(sigwaitinfo(&set, &info), SIGUSR1);
	LIVE_EQUAL(info.si_fd, asked_to_share);

	live_ready();

	LIVE_EQUAL(fcntl(asked_for, F_GETLEASE), F_UNLCK);
	LIVE_EQUAL(fcntl(read_lease, F_GETLEASE), F_RDLCK);
	LIVE_EQUAL(fcntl(write_lease, F_GETLEASE), F_WRLCK);
	LIVE_CHECK(open("write", O_RDONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
	LIVE_EQUAL(sigwaitinfo(&set, &info), SIGUSR1);
	LIVE_EQUAL(info.si_fd, write_lease);
	LIVE_CHECK(!fcntl(write_lease, F_SETLEASE, F_UNLCK));
	unlink("read");
	unlink("write");
	unlink("asked-for");
	LIVE_CHECK(fcntl(asked_to_share, F_SETLEASE, F_UNLCK) == 0 || errno == EAGAIN);
	unlink("share");
	return 0;
}
