/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that wait to be accepted, more than the queue has room for, and one that comes without blocking. */
#include "live_net.h"

#include <sys/epoll.h>

enum { WAITING = 3, CLIENTS = 6 };

static int begin(const union net_name *name)
{
	int fd = socket(name->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	LIVE_CHECK(fd >= 0);
	LIVE_CHECK(!connect(fd, &name->any, sizeof(*name)) || errno == EINPROGRESS);
	return fd;
}

static void await_writable(int ep)
{
	struct epoll_event e;
	int error = -1;
	socklen_t len = sizeof(error);

	LIVE_EQUAL(epoll_wait(ep, &e, 1, 60000), 1);
	LIVE_EQUAL(e.events, EPOLLOUT);
	LIVE_CHECK(!getsockopt(e.data.fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error);
	LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_DEL, e.data.fd, NULL));
}

static void talk(int listening)
{
	union net_name from;
	socklen_t len = sizeof(from);
	int fd = accept(listening, &from.any, &len);

	LIVE_CHECK(fd >= 0);
	net_read(fd, 0, 100);
	LIVE_EQUAL(net_write(fd, 5, 100), 100);
	close(fd);
}

int main(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), clients[CLIENTS], listening;
	union net_name name, own[CLIENTS];

	LIVE_CHECK(ep >= 0);
	listening = net_listen(AF_INET, WAITING - 1, &name);
	for (int i = 0; i < CLIENTS; i++) { /* the last ones find no room */
		struct epoll_event e = { .events = EPOLLOUT, .data.fd = clients[i] = begin(&name) };
		socklen_t len = sizeof(own[i]);

		LIVE_CHECK(!getsockname(clients[i], &own[i].any, &len));
		LIVE_CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, clients[i], &e));
	}

	live_ready();

	for (int i = 0; i < CLIENTS; i++) {
		union net_name now;
		socklen_t len = sizeof(now);

		LIVE_CHECK(!getsockname(clients[i], &now.any, &len));
		LIVE_CHECK(!memcmp(&now.v4, &own[i].v4, sizeof(now.v4)));
	}
	for (int i = 0; i < WAITING; i++) {
		await_writable(ep);
		close(accept(listening, NULL, NULL));
	}
	for (int i = WAITING; i < CLIENTS; i++) /* they knock again after a second */
		await_writable(ep);
	for (int i = 0; i < WAITING; i++)
		LIVE_EQUAL(net_write(clients[CLIENTS - 1 - i], 0, 100), 100);
	for (int i = 0; i < WAITING; i++)
		talk(listening);
	for (int i = 0; i < WAITING; i++)
		net_read(clients[CLIENTS - 1 - i], 5, 100);
	return 0;
}
