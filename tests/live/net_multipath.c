/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening by MPTCP, as Go's programs do wherever they can: clients of plain TCP, one that has been accepted
 * and one that waits; and a socket that has not been used.
 */
#include "live_net.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int get(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	LIVE_CHECK(!getsockopt(fd, level, name, &value, &len));
	return value;
}

static void talk(int a, int b)
{
	LIVE_EQUAL(net_write(a, 7, 100), 100);
	net_read(b, 7, 100);
	LIVE_EQUAL(net_write(b, 9, 100), 100);
	net_read(a, 9, 100);
}

/* In both families: clients come by IPv4. */
static int listening(union net_name *name)
{
	int fd = socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP), one = 1;
	socklen_t len = sizeof(*name);

	*name = (union net_name){ .v6.sin6_family = AF_INET6 };
	if (fd < 0)
		live_skip("no MPTCP here");
	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	LIVE_CHECK(!bind(fd, &name->any, sizeof(name->v6)) && !listen(fd, 7));
	LIVE_CHECK(!getsockname(fd, &name->any, &len));
	name->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = name->v6.sin6_port };
	name->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd;
}

int main(void)
{
	union net_name name;
	int server = listening(&name), client = net_connect(&name), waits;
	int accepted = accept(server, NULL, NULL),
	    unused = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	LIVE_CHECK(accepted >= 0 && unused >= 0);
	waits = net_connect(&name);
	LIVE_EQUAL(net_write(client, 0, 1000), 1000);

	live_ready();

	LIVE_EQUAL(get(server, SOL_SOCKET, SO_PROTOCOL), IPPROTO_MPTCP);
	LIVE_EQUAL(get(unused, SOL_SOCKET, SO_PROTOCOL), IPPROTO_MPTCP);
	LIVE_EQUAL(get(server, SOL_SOCKET, SO_REUSEADDR), 1);
	LIVE_EQUAL(get(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
	net_read(accepted, 0, 1000);
	talk(client, accepted);
	talk(waits, accept(server, NULL, NULL));
	client = net_connect(&name);
	talk(client, accept(server, NULL, NULL));
	LIVE_CHECK(!connect(unused, &name.any, sizeof(name.v4)));
	talk(unused, accept(server, NULL, NULL));
	return 0;
}
