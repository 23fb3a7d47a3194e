/* SPDX-License-Identifier: Apache-2.0 */
/* A client of IPv4 whose server listens on IPv6, and one of IPv6 that says an IPv4 address. */
#include "live_net.h"

#include <arpa/inet.h>

static struct in_addr loopback4(void)
{
	return (struct in_addr){ .s_addr = htonl(INADDR_LOOPBACK) };
}

/* A server on every address of @domain; the port goes to *@port. */
static int serve(int domain, in_port_t *port)
{
	union net_name name = { .any.sa_family = (sa_family_t)domain };
	socklen_t len = domain == AF_INET ? sizeof(name.v4) : sizeof(name.v6);
	int fd = socket(domain, SOCK_STREAM, 0);

	LIVE_CHECK(fd >= 0 && !bind(fd, &name.any, len) && !listen(fd, 4));
	LIVE_CHECK(!getsockname(fd, &name.any, &len));
	*port = domain == AF_INET ? name.v4.sin_port : name.v6.sin6_port;
	return fd;
}

/* ::ffff:127.0.0.1 */
static int connect_mapped(in_port_t port)
{
	union net_name to = { .v6 = { .sin6_family = AF_INET6, .sin6_port = port } };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct in_addr v4 = loopback4();

	to.v6.sin6_addr.s6_addr[10] = to.v6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(to.v6.sin6_addr.s6_addr + 12, &v4, sizeof(v4));
	LIVE_CHECK(!connect(fd, &to.any, sizeof(to.v6)));
	return fd;
}

static int connect_plain(in_port_t port)
{
	union net_name to = {
		.v4 = { .sin_family = AF_INET, .sin_port = port, .sin_addr = loopback4() }
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	LIVE_CHECK(!connect(fd, &to.any, sizeof(to.v4)));
	return fd;
}

int main(void)
{
	in_port_t port6, port4;
	int server6 = serve(AF_INET6, &port6), server4 = serve(AF_INET, &port4);
	int clients[2] = { connect_plain(port6), connect_mapped(port4) };
	int servers[2] = { accept(server6, NULL, NULL), accept(server4, NULL, NULL) };
	union net_name before[2], after;

	for (int i = 0; i < 2; i++) {
		socklen_t len = sizeof(before[i]);

		LIVE_CHECK(servers[i] >= 0 && !getpeername(clients[i], &before[i].any, &len));
		LIVE_EQUAL(net_write(clients[i], 0, 100), 100);
		LIVE_EQUAL(net_write(servers[i], 7, 100), 100);
	}
	live_ready();
	for (int i = 0; i < 2; i++) {
		socklen_t len = sizeof(after);

		LIVE_CHECK(!getpeername(clients[i], &after.any, &len));
		LIVE_CHECK(!memcmp(&before[i], &after, len));
		net_read(servers[i], 0, 100);
		net_read(clients[i], 7, 100);
	}
	return 0;
}
