/* SPDX-License-Identifier: Apache-2.0 */
/* epoll: what it watches, with which events and data; edges and one-shots. */
#include "live.h"

#include <sys/epoll.h>

static void add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

int main(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), a[2], b[2];
	struct epoll_event got[4];

	LIVE_CHECK(ep >= 0 && !pipe2(a, O_CLOEXEC) && !pipe2(b, O_CLOEXEC));
	add(ep, a[0], EPOLLIN, 0x1122334455667788);
	add(ep, b[1], EPOLLOUT | EPOLLET | EPOLLONESHOT, 99);
	live_ready();
	LIVE_EQUAL(write(a[1], "x", 1), 1);
	LIVE_EQUAL(epoll_wait(ep, got, 4, 1000), 2);
	for (int i = 0; i < 2; i++)
		LIVE_CHECK((got[i].data.u64 == 99 && got[i].events == EPOLLOUT) ||
			   (got[i].data.u64 == 0x1122334455667788 && got[i].events == EPOLLIN));
	LIVE_EQUAL(epoll_wait(ep, got, 4, 0), 1); /* the one-shot is spent */
	LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_DEL, a[0], NULL));
	LIVE_EQUAL(epoll_wait(ep, got, 4, 0), 0);
	return 0;
}
