/* SPDX-License-Identifier: Apache-2.0 */
/* epoll: what it watches, with which events and data; edges and one-shots, also one that is spent. */
#include "live.h"

#include <sys/epoll.h>
#include <sys/socket.h>

static void add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

static void spend(int ep, const int pair[2])
{
	struct epoll_event got;

	add(ep, pair[0], EPOLLIN | EPOLLONESHOT, 5);
	LIVE_EQUAL(write(pair[1], "x", 1), 1);
	LIVE_EQUAL(epoll_wait(ep, &got, 1, 0), 1);
	LIVE_EQUAL(got.data.u64, 5);
}

static void add_again(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };

	LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev));
}

int main(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), a[2], b[2], spent[2];
	struct epoll_event got[4];

	LIVE_CHECK(ep >= 0 && !pipe2(a, O_CLOEXEC) && !pipe2(b, O_CLOEXEC));
	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, spent));
	spend(ep, spent);
	add(ep, a[0], EPOLLIN, 0x1122334455667788);
	add(ep, b[1], EPOLLOUT | EPOLLET | EPOLLONESHOT, 99);
	live_ready();
	close(spent[1]); /* of which nobody is told */
	LIVE_EQUAL(write(a[1], "x", 1), 1);
	LIVE_EQUAL(epoll_wait(ep, got, 4, 1000), 2);
	for (int i = 0; i < 2; i++)
		LIVE_CHECK((got[i].data.u64 == 99 && got[i].events == EPOLLOUT) ||
			   (got[i].data.u64 == 0x1122334455667788 && got[i].events == EPOLLIN));
	LIVE_EQUAL(epoll_wait(ep, got, 4, 0), 1); /* the one-shot is spent */
	LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_DEL, a[0], NULL));
	LIVE_EQUAL(epoll_wait(ep, got, 4, 0), 0);
	add_again(ep, spent[0]);
	LIVE_EQUAL(epoll_wait(ep, got, 4, 0), 1);
	LIVE_EQUAL(got[0].events, EPOLLIN | EPOLLHUP);
	return 0;
}
