/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multicast groups: those that a socket has joined, with the sources that it does without or is limited to,
 * and what has come by them and has not been read; sent once, it is received once.
 */
#include "live_net.h"

#include <net/if.h>

static const char *const groups[] = { "239.77.1.1", "239.77.1.2", "239.77.1.3" };

static struct sockaddr_storage four(const char *text, int port)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *name = (void *)&s;

	name->sin_family = AF_INET;
	name->sin_port = htons((uint16_t)port);
	LIVE_CHECK(inet_pton(AF_INET, text, &name->sin_addr) == 1);
	return s;
}

static struct sockaddr_storage six(const char *text)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in6 *name = (void *)&s;

	name->sin6_family = AF_INET6;
	LIVE_CHECK(inet_pton(AF_INET6, text, &name->sin6_addr) == 1);
	return s;
}

static void join(int fd, int level, struct sockaddr_storage group)
{
	const struct group_req req = { if_nametoindex("lo"), group };

	if (setsockopt(fd, level, MCAST_JOIN_GROUP, &req, sizeof(req)) < 0)
		live_skip("no multicast here");
}

static void source(int fd, int how, const char *group, const char *from)
{
	const struct group_source_req req = { if_nametoindex("lo"), four(group, 0), four(from, 0) };

	LIVE_CHECK(!setsockopt(fd, IPPROTO_IP, how, &req, sizeof(req)));
}

/* How @fd is in @group, and how many sources are named; -1: it is not. */
static int filter(int fd, int level, struct sockaddr_storage group, int *mode)
{
	union {
		struct group_filter f;
		char room[GROUP_FILTER_SIZE(4)];
	} u = { .f = { .gf_interface = if_nametoindex("lo"), .gf_group = group, .gf_numsrc = 4 } };
	socklen_t len = sizeof(u);

	if (getsockopt(fd, level, MCAST_MSFILTER, &u, &len) < 0)
		return -1;
	*mode = (int)u.f.gf_fmode;
	return (int)u.f.gf_numsrc;
}

static int receiver(int *port)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), one = 1;
	struct sockaddr_storage name = four("0.0.0.0", *port);
	socklen_t len = sizeof(name);

	LIVE_CHECK(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	LIVE_CHECK(!bind(fd, (void *)&name, sizeof(struct sockaddr_in)));
	LIVE_CHECK(!getsockname(fd, (void *)&name, &len));
	*port = ntohs(((struct sockaddr_in *)&name)->sin_port);
	return fd;
}

static void say(int fd, const char *group, int port, const char *text)
{
	struct sockaddr_storage name = four(group, port);

	LIVE_EQUAL(sendto(fd, text, strlen(text), 0, (void *)&name, sizeof(struct sockaddr_in)),
		   strlen(text));
}

static void hear(int fd, const char *text)
{
	char buf[32] = "";

	LIVE_EQUAL(recv(fd, buf, sizeof(buf), 0), strlen(text));
	LIVE_CHECK(!strcmp(buf, text));
}

static void silent(int fd)
{
	char c;

	LIVE_CHECK(recv(fd, &c, 1, 0) < 0 && errno == EAGAIN);
}

int main(void)
{
	const struct ip_mreqn out = { .imr_address.s_addr = htonl(INADDR_LOOPBACK) };
	int port = 0, a = receiver(&port), b = receiver(&port), zero = 0, mode;
	int sender = socket(AF_INET, SOCK_DGRAM, 0), v6 = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_storage from = four("127.0.0.1", 0), group6 = six("ff12::7701");
	struct in_addr interface;
	socklen_t len = sizeof(interface);

	LIVE_CHECK(!bind(sender, (void *)&from, sizeof(struct sockaddr_in)));
	LIVE_CHECK(!setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)));
	LIVE_CHECK(!setsockopt(b, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero)));
	join(a, IPPROTO_IP, four(groups[0], 0));
	join(b, IPPROTO_IP, four(groups[0], 0));
	join(b, IPPROTO_IP, four(groups[1], 0));
	source(b, MCAST_BLOCK_SOURCE, groups[1], "127.0.0.1");
	source(a, MCAST_JOIN_SOURCE_GROUP, groups[2], "127.0.0.1");
	source(a, MCAST_JOIN_SOURCE_GROUP, groups[2], "127.0.0.2");
	if (v6 >= 0)
		join(v6, IPPROTO_IPV6, group6);
	say(sender, groups[0], port, "to both");
	say(sender, groups[2], port, "to one");

	live_ready();

	hear(a, "to both");
	hear(a, "to one");
	silent(a);
	hear(b, "to both");
	silent(b);
	LIVE_EQUAL(filter(a, IPPROTO_IP, four(groups[0], 0), &mode), 0);
	LIVE_EQUAL(mode, MCAST_EXCLUDE);
	LIVE_EQUAL(filter(b, IPPROTO_IP, four(groups[1], 0), &mode), 1);
	LIVE_EQUAL(mode, MCAST_EXCLUDE);
	LIVE_EQUAL(filter(a, IPPROTO_IP, four(groups[2], 0), &mode), 2);
	LIVE_EQUAL(mode, MCAST_INCLUDE);
	LIVE_EQUAL(filter(b, IPPROTO_IP, four(groups[2], 0), &mode), -1);
	if (v6 >= 0)
		LIVE_EQUAL(filter(v6, IPPROTO_IPV6, group6, &mode), 0);
	LIVE_CHECK(!getsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &interface, &len));
	LIVE_EQUAL(ntohl(interface.s_addr), INADDR_LOOPBACK);
	say(sender, groups[0], port, "more");
	hear(a, "more");
	hear(b, "more");
	say(sender, groups[1], port, "blocked");
	silent(b);
	return 0;
}
