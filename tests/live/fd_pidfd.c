/* SPDX-License-Identifier: Apache-2.0 */
/* pidfds: of a child, of ourselves, of a child that has been waited for; watched by epoll. */
#include "live.h"

#include <sys/epoll.h>

static int pidfd(pid_t pid, unsigned int flags)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, flags);

	LIVE_CHECK(fd >= 0);
	return fd;
}

static bool ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static pid_t child(const int until[2])
{
	pid_t pid = fork();
	char c;

	LIVE_CHECK(pid >= 0);
	if (!pid) {
		close(until[1]);
		_exit(read(until[0], &c, 1) == 1 ? 1 : 0);
	}
	return pid;
}

int main(void)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = 5 };
	int p[2], living, own, gone, epoll, status, same;
	siginfo_t info = { 0 };
	pid_t pid, brother;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	pid = child(p);
	living = pidfd(pid, O_NONBLOCK);
	same = dup(living);
	/* A process that has the other's, and not the same description. */
	brother = fork();
	if (!brother) {
		int its = pidfd(pid, 0);
		char c;

		close(p[1]);
		LIVE_CHECK(read(p[0], &c, 1) == 1 && !ended(its));
		LIVE_CHECK(!syscall(SYS_pidfd_send_signal, its, SIGKILL, NULL, 0));
		_exit(3);
	}
	own = pidfd(getpid(), 0);
	gone = pidfd(child((const int[2]){ -1, -1 }), 0);
	LIVE_CHECK(wait(&status) > 0);
	epoll = epoll_create1(0);
	LIVE_CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, living, &e));

	live_ready();

	LIVE_EQUAL(fcntl(same, F_GETFL), O_RDWR | O_NONBLOCK);
	LIVE_CHECK(!ended(living) && !ended(own) && ended(gone));
	LIVE_CHECK(syscall(SYS_pidfd_send_signal, gone, 0, NULL, 0) < 0 && errno == ESRCH);
	LIVE_CHECK(!syscall(SYS_pidfd_send_signal, own, 0, NULL, 0));
	LIVE_EQUAL(epoll_wait(epoll, &e, 1, 0), 0);
	/* Either of the two may read: then that one has been told to end the other, or has ended itself. */
	LIVE_CHECK(!kill(pid, SIGSTOP));
	LIVE_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	LIVE_EQUAL(write(p[1], "x", 1), 1);
	LIVE_EQUAL(epoll_wait(epoll, &e, 1, -1), 1);
	LIVE_EQUAL(e.data.u64, 5);
	LIVE_CHECK(!waitid(P_PIDFD, (id_t)living, &info, WEXITED));
	LIVE_EQUAL(info.si_pid, pid);
	LIVE_EQUAL(info.si_status, SIGKILL);
	LIVE_EQUAL(waitpid(brother, &status, 0), brother);
	LIVE_EQUAL(status, 3 << 8);
	return 0;
}
