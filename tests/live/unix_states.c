/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of UNIX sockets with a direction shut, a peer that has left, options and datagrams. */
#include "live.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

static void pair(int type, int s[2])
{
	LIVE_CHECK(!socketpair(AF_UNIX, type, 0, s));
}

static void set_options(int fd)
{
	const struct timeval soon = { 3, 500000 };
	const int room = 70000, one = 1;

	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)));
	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
}

static void check_options(int fd)
{
	struct timeval t;
	socklen_t len = sizeof(t);
	int n;

	LIVE_CHECK(!getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &len));
	LIVE_CHECK(t.tv_sec == 3 && t.tv_usec == 500000);
	len = sizeof(n);
	LIVE_CHECK(!getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, &len));
	LIVE_EQUAL(n, 140000);
	LIVE_CHECK(!getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &n, &len) && n == 1);
}

int main(void)
{
	int half[2], left[2], rude[2], gram[2], widow[2];
	struct pollfd p = { .events = POLLIN };
	char buf[64];

	pair(SOCK_STREAM, half);
	pair(SOCK_SEQPACKET, left);
	pair(SOCK_STREAM, rude);
	pair(SOCK_DGRAM, gram);
	pair(SOCK_DGRAM, widow);
	LIVE_EQUAL(write(half[0], "last words", 10), 10);
	LIVE_CHECK(!shutdown(half[0], SHUT_WR));
	LIVE_EQUAL(write(left[0], "bye", 3), 3);
	close(left[0]);
	/* Closed with something unread: the peer is told so. */
	LIVE_EQUAL(write(rude[1], "never read", 10), 10);
	LIVE_EQUAL(write(rude[0], "read", 4), 4);
	close(rude[0]);
	LIVE_EQUAL(write(gram[0], "one", 3), 3);
	LIVE_EQUAL(write(gram[0], "", 0), 0);
	LIVE_EQUAL(write(gram[0], "two", 3), 3);
	LIVE_EQUAL(write(widow[0], "old", 3), 3);
	close(widow[0]);
	set_options(gram[1]);
	LIVE_CHECK(!fcntl(gram[0], F_SETFL, O_NONBLOCK));

	live_ready();

	LIVE_EQUAL(read(half[1], buf, sizeof(buf)), 10);
	LIVE_EQUAL(read(half[1], buf, sizeof(buf)), 0);
	LIVE_CHECK(send(half[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	LIVE_EQUAL(write(half[1], "still", 5), 5);
	LIVE_EQUAL(read(half[0], buf, sizeof(buf)), 5);
	LIVE_EQUAL(read(left[1], buf, sizeof(buf)), 3);
	LIVE_EQUAL(read(left[1], buf, sizeof(buf)), 0);
	LIVE_EQUAL(read(rude[1], buf, sizeof(buf)), 4);
	LIVE_CHECK(read(rude[1], buf, sizeof(buf)) < 0 && errno == ECONNRESET);
	LIVE_EQUAL(read(rude[1], buf, sizeof(buf)), 0);
	check_options(gram[1]);
	LIVE_EQUAL(fcntl(gram[0], F_GETFL), O_RDWR | O_NONBLOCK);
	LIVE_EQUAL(read(gram[1], buf, sizeof(buf)), 3);
	LIVE_EQUAL(read(gram[1], buf, sizeof(buf)), 0);
	LIVE_EQUAL(read(gram[1], buf, sizeof(buf)), 3);
	p.fd = gram[1];
	LIVE_EQUAL(poll(&p, 1, 0), 0);
	LIVE_EQUAL(read(widow[1], buf, sizeof(buf)), 3);
	LIVE_CHECK(write(widow[1], "x", 1) < 0 && errno == ECONNREFUSED);
	return 0;
}
