/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of network sockets share: connections within the program, numbered bytes. */
#pragma once

#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

union net_name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static inline socklen_t net_loopback(union net_name *name, int domain)
{
	memset(name, 0, sizeof(*name));
	name->any.sa_family = (sa_family_t)domain;
	if (domain == AF_INET)
		name->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		name->v6.sin6_addr = in6addr_loopback;
	return domain == AF_INET ? sizeof(name->v4) : sizeof(name->v6);
}

/*
 * Listens on the loopback address, on a port that the kernel gives to nobody by itself: it must be free
 * again when the test has been killed.
 */
static inline int net_listen(int domain, int backlog, union net_name *name)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 20000 + getpid() * 7 % 10000;
	socklen_t len = net_loopback(name, domain);

	name->v4.sin_port = htons((uint16_t)port); /* the same place in both families */
	while (fd >= 0 && bind(fd, &name->any, len) < 0) {
		if (errno != EADDRINUSE)
			live_skip("no such loopback address here");
		name->v4.sin_port = htons((uint16_t)++port);
	}
	LIVE_CHECK(!listen(fd, backlog) && !getsockname(fd, &name->any, &len));
	return fd;
}

static inline int net_connect(const union net_name *name)
{
	int fd = socket(name->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	LIVE_CHECK(fd >= 0 && !connect(fd, &name->any, sizeof(*name)));
	return fd;
}

/* A connection: @ends[0] connected, @ends[1] accepted. */
static inline void net_pair(int domain, int ends[2])
{
	union net_name name;
	int listening = net_listen(domain, 1, &name);

	ends[0] = net_connect(&name);
	ends[1] = accept(listening, NULL, NULL);
	LIVE_CHECK(ends[1] >= 0);
	close(listening);
}

/* Byte @i of a stream. */
static inline char net_byte(uint64_t i)
{
	return (char)(i * 2654435761u >> 13);
}

/* Write until the queue is full, or @max bytes; returns how many. */
static inline size_t net_write(int fd, uint64_t from, size_t max)
{
	size_t done = 0;
	char buf[4096];

	while (done < max) {
		size_t want = max - done < sizeof(buf) ? max - done : sizeof(buf);
		ssize_t n;

		for (size_t i = 0; i < want; i++)
			buf[i] = net_byte(from + done + i);
		n = send(fd, buf, want, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			LIVE_CHECK(errno == EAGAIN);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* The next @len bytes must be those from number @from on. */
static inline void net_read(int fd, uint64_t from, size_t len)
{
	char buf[4096];

	for (size_t done = 0; done < len;) {
		size_t want = len - done < sizeof(buf) ? len - done : sizeof(buf);
		ssize_t n = recv(fd, buf, want, 0);

		if (n <= 0)
			live_fail("after %zu of %zu bytes: %s", done, len,
				  n ? strerror(errno) : "the end");
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != net_byte(from + done + (size_t)i))
				live_fail("byte %zu is not itself", done + (size_t)i);
		done += (size_t)n;
	}
}

static inline void net_nothing(int fd)
{
	char c;

	LIVE_CHECK(recv(fd, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

static inline void net_end(int fd)
{
	char c;

	LIVE_EQUAL(recv(fd, &c, 1, 0), 0);
}
