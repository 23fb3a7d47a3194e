/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll that watches what is no longer open under the number it was added under: it has another number, or
 * the number is another's, or another process has it; and epoll inside epoll.
 */
#include "live.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

static uint64_t ready(int epoll)
{
	struct epoll_event e[4];
	uint64_t all = 0;
	int n = epoll_wait(epoll, e, 4, 0);

	LIVE_CHECK(n >= 0);
	for (int i = 0; i < n; i++)
		all += e[i].data.u64;
	return all;
}

static void add(int epoll, int fd, uint64_t data)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = data };

	LIVE_CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
}

int main(void)
{
	int epoll = epoll_create1(0), outer = epoll_create1(0), moved, taken, a, b, p[2], q[2],
	    status;
	uint64_t one = 1;
	pid_t pid;
	char c;

	LIVE_CHECK(!pipe(p) && !pipe(q));
	pid = fork();
	if (!pid) { /* the only one with that end */
		close(p[1]);
		close(q[1]);
		LIVE_CHECK(read(q[0], &c, 1) == 1 && read(p[0], &c, 1) == 1);
		_exit(0);
	}
	a = eventfd(0, 0);
	b = eventfd(0, 0);
	add(epoll, a, 1);
	add(epoll, b, 10);
	add(epoll, p[0], 100);
	add(outer, epoll, 1000);
	moved = fcntl(a, F_DUPFD, 40);
	close(a);
	taken = fcntl(b, F_DUPFD, 40);
	LIVE_EQUAL(dup2(q[0], b), b);
	close(p[0]);

	live_ready();

	LIVE_EQUAL(fcntl(a, F_GETFD), -1);
	LIVE_EQUAL(ready(epoll), 0);
	LIVE_EQUAL(ready(outer), 0);
	LIVE_EQUAL(write(moved, &one, 8), 8);
	LIVE_EQUAL(ready(epoll), 1);
	LIVE_EQUAL(ready(outer), 1000);
	LIVE_EQUAL(write(taken, &one, 8), 8);
	LIVE_EQUAL(ready(epoll), 11);
	LIVE_EQUAL(write(p[1], "x", 1), 1);
	LIVE_EQUAL(ready(epoll), 111);
	LIVE_EQUAL(write(q[1], "x", 1), 1);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	return 0;
}
