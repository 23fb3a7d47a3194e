/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered bytes at full speed, in both directions of several connections between two processes, through
 * several checkpoints; one side uses epoll.
 */
#include "live_net.h"

#include <sys/epoll.h>

enum { PAIRS = 4, PIECE = 20000, ROUNDS = 4 };

/* What it receives it sends back, until the end. */
static void echo(const int *fds)
{
	int ep = epoll_create1(0), open = PAIRS;
	struct epoll_event e;
	char buf[PIECE];

	for (int i = 0; i < PAIRS; i++) {
		e = (struct epoll_event){ .events = EPOLLIN, .data.fd = fds[i] };
		LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e));
	}
	while (open) {
		ssize_t n, m, done = 0;

		if (epoll_wait(ep, &e, 1, -1) != 1)
			live_fail("epoll_wait: %s", strerror(errno));
		n = recv(e.data.fd, buf, sizeof(buf), 0);
		if (n <= 0) {
			LIVE_EQUAL(n, 0);
			close(e.data.fd);
			open--;
		}
		for (; done < n; done += m) {
			m = send(e.data.fd, buf + done, (size_t)(n - done), MSG_NOSIGNAL);
			if (m < 0)
				live_fail("send: %s", strerror(errno));
		}
	}
	_exit(0);
}

static void talk(int fd, uint64_t *at)
{
	size_t n = 1 + (size_t)(*at * 7919 % PIECE);

	LIVE_EQUAL(net_write(fd, *at, n), n);
	net_read(fd, *at, n);
	*at += n;
}

int main(void)
{
	int ours[PAIRS], theirs[PAIRS], ends[2], status;
	uint64_t at[PAIRS] = { 0 };
	pid_t child;

	for (int i = 0; i < PAIRS; i++) {
		net_pair(i & 1 ? AF_INET6 : AF_INET, ends);
		ours[i] = ends[i & 1];
		theirs[i] = ends[!(i & 1)];
	}
	child = fork();
	LIVE_CHECK(child >= 0);
	for (int i = 0; i < PAIRS; i++)
		close(child ? theirs[i] : ours[i]);
	if (!child)
		echo(theirs);
	live_say_ready(ROUNDS);
	for (unsigned int i = 0;; i++) {
		struct pollfd p = { .fd = 0, .events = POLLIN };

		if (poll(&p, 1, 0) == 1 && live_hear(ROUNDS))
			break;
		talk(ours[i % PAIRS], &at[i % PAIRS]);
	}
	for (int i = 0; i < PAIRS; i++)
		close(ours[i]);
	LIVE_EQUAL(waitpid(child, &status, 0), child);
	LIVE_EQUAL(status, 0);
	return 0;
}
