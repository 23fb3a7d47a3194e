/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that could not be bound as they are by now: two that listen at one port, of which one has taken
 * back SO_REUSEPORT, and one at an address that is not this host's, which has taken back IP_FREEBIND.
 */
#include "live_net.h"

static void set(int fd, int level, int name, int value)
{
	LIVE_CHECK(!setsockopt(fd, level, name, &value, sizeof(value)));
}

static int get(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	LIVE_CHECK(!getsockopt(fd, level, name, &value, &len));
	return value;
}

int main(void)
{
	int listening[2], client, accepted, away = socket(AF_INET, SOCK_DGRAM, 0);
	union net_name name, got = { .v4 = { .sin_port = 0 } };
	int port = 20000 + getpid() * 7 % 10000;
	socklen_t len = net_loopback(&name, AF_INET);
	struct pollfd p[2];

	for (int i = 0; i < 2; i++) {
		listening[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		set(listening[i], SOL_SOCKET, SO_REUSEPORT, 1);
		name.v4.sin_port = htons((uint16_t)port);
		while (bind(listening[i], &name.any, len) < 0) {
			LIVE_CHECK(!i && errno == EADDRINUSE);
			name.v4.sin_port = htons((uint16_t)++port);
		}
		LIVE_CHECK(!listen(listening[i], 5));
		p[i] = (struct pollfd){ .fd = listening[i], .events = POLLIN };
	}
	set(listening[0], SOL_SOCKET, SO_REUSEPORT, 0);
	set(away, IPPROTO_IP, IP_FREEBIND, 1);
	got.v4.sin_family = AF_INET;
	got.v4.sin_addr.s_addr = inet_addr("192.0.2.77"); /* for documentation: nobody has it */
	LIVE_CHECK(!bind(away, &got.any, len));
	set(away, IPPROTO_IP, IP_FREEBIND, 0);

	live_ready();

	LIVE_EQUAL(get(listening[0], SOL_SOCKET, SO_REUSEPORT), 0);
	LIVE_EQUAL(get(listening[1], SOL_SOCKET, SO_REUSEPORT), 1);
	client = net_connect(&name);
	LIVE_CHECK(poll(p, 2, -1) == 1);
	accepted = accept(listening[p[0].revents ? 0 : 1], NULL, NULL);
	LIVE_EQUAL(net_write(client, 0, 10), 10);
	net_read(accepted, 0, 10);
	LIVE_EQUAL(get(away, IPPROTO_IP, IP_FREEBIND), 0);
	LIVE_CHECK(!getsockname(away, &got.any, &len));
	LIVE_EQUAL(got.v4.sin_addr.s_addr, inet_addr("192.0.2.77"));
	return 0;
}
