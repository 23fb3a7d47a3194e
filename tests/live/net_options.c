/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a connection, a listening socket and a UDP socket; those not set stay the system's. */
#include "live_net.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
	RTO_MAX_MS = 44, /* Linux 6.15 */
	KEY = 16,
};

static const struct option {
	int level, name, value;
} stream[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ SOL_SOCKET, SO_OOBINLINE, 1 },
	{ SOL_SOCKET, SO_RCVLOWAT, 3 },
	{ SOL_SOCKET, SO_SNDBUF, 40000 },
	{ SOL_SOCKET, SO_RCVBUF, 50000 },
	{ SOL_SOCKET, SO_REUSEADDR, 0 },
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 77 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 7 },
	{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 12345 },
	{ IPPROTO_IP, IP_TOS, 0x10 },
	{ SOL_SOCKET, SO_PRIORITY, 3 },
	{ IPPROTO_TCP, RTO_MAX_MS, 5000 },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1 },
},
  listening[] = {
	{ SOL_SOCKET, SO_REUSEADDR, 1 },
	{ SOL_SOCKET, SO_REUSEPORT, 1 },
	{ IPPROTO_TCP, TCP_CORK, 1 },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 3 },
	{ IPPROTO_TCP, TCP_MAXSEG, 700 },
	{ IPPROTO_TCP, TCP_SAVE_SYN, 1 },
	{ IPPROTO_IPV6, IPV6_V6ONLY, 1 },
	{ IPPROTO_IPV6, IPV6_RECVRTHDR, 1 },
	{ IPPROTO_IPV6, IPV6_2292PKTINFO, 1 },
},
  datagram[] = {
	{ SOL_SOCKET, SO_BROADCAST, 1 },
	{ SOL_SOCKET, SO_TIMESTAMP, 1 },
	{ SOL_SOCKET, SO_TIMESTAMPING, 8 },
	{ SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1 },
	{ SOL_SOCKET, SO_MAX_PACING_RATE, 100000 },
	{ IPPROTO_IP, IP_TTL, 9 },
	{ IPPROTO_IP, IP_MULTICAST_TTL, 5 },
	{ IPPROTO_IP, IP_PKTINFO, 1 },
	{ IPPROTO_IP, IP_RECVERR, 1 },
	{ IPPROTO_IP, IP_RECVOPTS, 1 },
	{ IPPROTO_IP, IP_PASSSEC, 1 },
	{ IPPROTO_IP, IP_OPTIONS, 0x01010101 }, /* no operation, four times */
};

enum { OPTIONS_MAX = 16 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int get(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	LIVE_CHECK(!getsockopt(fd, level, name, &value, &len) || errno == ENOPROTOOPT);
	return value;
}

static void set_all(int fd, const struct option *o, size_t n, int *now)
{
	for (size_t i = 0; i < n; i++) {
		LIVE_CHECK(!setsockopt(fd, o[i].level, o[i].name, &o[i].value, sizeof(int)) ||
			   errno == ENOPROTOOPT);
		now[i] = get(fd, o[i].level, o[i].name);
	}
}

static void check_all(int fd, const struct option *o, size_t n, const int *then)
{
	for (size_t i = 0; i < n; i++)
		if (get(fd, o[i].level, o[i].name) != then[i])
			live_fail("option %d of level %d is %d, not %d", o[i].name, o[i].level,
				  get(fd, o[i].level, o[i].name), then[i]);
}

static const char key[KEY] = "abcdefghijklmno";

static void check_key(int fd)
{
	char now[2 * KEY] = "";
	socklen_t len = sizeof(now);

	LIVE_CHECK(!getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, now, &len));
	LIVE_CHECK(len == KEY && !memcmp(now, key, KEY));
}

int main(void)
{
	struct timeval wait = { 3, 500000 }, got;
	struct linger linger = { 1, 17 }, got_linger;
	union net_name name;
	int ends[2], server, udp, then[3][OPTIONS_MAX], port = 30000 + getpid() % 1000;
	socklen_t len = sizeof(got), linger_len = sizeof(got_linger);

	net_pair(AF_INET, ends);
	set_all(ends[0], stream, COUNT(stream), then[0]);
	LIVE_CHECK(!setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	LIVE_CHECK(!setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	server = socket(AF_INET6, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (server < 0)
		live_skip("no IPv6 here");
	set_all(server, listening, COUNT(listening), then[1]);
	set_all(udp, datagram, COUNT(datagram), then[2]);
	LIVE_CHECK(!setsockopt(server, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, KEY));
	net_loopback(&name, AF_INET6);
	name.v6.sin6_port = htons((uint16_t)port);
	while (bind(server, &name.any, sizeof(name.v6)) < 0) {
		LIVE_CHECK(errno == EADDRINUSE);
		name.v6.sin6_port = htons((uint16_t)++port);
	}
	LIVE_CHECK(!listen(server, 9));

	live_ready();

	check_all(ends[0], stream, COUNT(stream), then[0]);
	check_all(server, listening, COUNT(listening), then[1]);
	check_key(server);
	check_all(udp, datagram, COUNT(datagram), then[2]);
	LIVE_CHECK(!getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	LIVE_CHECK(got.tv_sec == 3 && got.tv_usec == 500000);
	LIVE_CHECK(!getsockopt(ends[1], SOL_SOCKET, SO_LINGER, &got_linger, &linger_len));
	LIVE_CHECK(got_linger.l_onoff && got_linger.l_linger == 17);
	LIVE_EQUAL(get(ends[1], IPPROTO_TCP, TCP_NODELAY), 0);
	LIVE_EQUAL(get(ends[1], SOL_SOCKET, SO_REUSEADDR), 0);
	LIVE_EQUAL(get(ends[1], SOL_SOCKET, 72 /* SO_BUF_LOCK */), 0);
	LIVE_EQUAL(get(ends[0], SOL_SOCKET, 72), 3);
	LIVE_EQUAL(get(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
	return 0;
}
