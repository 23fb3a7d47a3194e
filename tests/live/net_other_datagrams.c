/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams that are not UDP: UDP-Lite, with what waits in the queue, and ICMP as ping sends it. */
#include "live_net.h"

#include <netinet/ip_icmp.h>

enum { SEND_COVERAGE = 10 };

static int bound(int protocol, union net_name *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
	socklen_t len = net_loopback(name, AF_INET);

	if (fd >= 0)
		LIVE_CHECK(!bind(fd, &name->any, len) && !getsockname(fd, &name->any, &len));
	return fd;
}

static void is_from(int fd, const char *text, const union net_name *name)
{
	union net_name from;
	socklen_t len = sizeof(from);
	char buf[64];

	LIVE_EQUAL(recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, &from.any, &len), strlen(text));
	LIVE_CHECK(!memcmp(buf, text, strlen(text)));
	LIVE_EQUAL(from.v4.sin_port, name->v4.sin_port);
}

static void ping(int fd)
{
	struct icmphdr ask = { .type = ICMP_ECHO }, answer;
	union net_name to;
	socklen_t len = net_loopback(&to, AF_INET);

	LIVE_EQUAL(sendto(fd, &ask, sizeof(ask), 0, &to.any, len), sizeof(ask));
	LIVE_EQUAL(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
	LIVE_EQUAL(answer.type, ICMP_ECHOREPLY);
}

int main(void)
{
	union net_name here, there, echo_name, now;
	int to = bound(IPPROTO_UDPLITE, &here), from = bound(IPPROTO_UDPLITE, &there),
	    coverage = 20;
	int echo = bound(IPPROTO_ICMP, &echo_name); /* net.ipv4.ping_group_range says who may */
	socklen_t len = sizeof(coverage);

	if (to < 0)
		live_skip("no UDP-Lite here");
	LIVE_CHECK(!setsockopt(from, IPPROTO_UDPLITE, SEND_COVERAGE, &coverage, len));
	LIVE_EQUAL(sendto(from, "before", 6, 0, &here.any, sizeof(here.v4)), 6);
	if (echo >= 0)
		ping(echo);

	live_ready();

	is_from(to, "before", &there);
	LIVE_EQUAL(sendto(from, "after", 5, 0, &here.any, sizeof(here.v4)), 5);
	is_from(to, "after", &there);
	coverage = 0;
	LIVE_CHECK(!getsockopt(from, IPPROTO_UDPLITE, SEND_COVERAGE, &coverage, &len));
	LIVE_EQUAL(coverage, 20);
	if (echo >= 0) {
		ping(echo);
		len = sizeof(now);
		LIVE_CHECK(!getsockname(echo, &now.any, &len));
		LIVE_EQUAL(now.v4.sin_port, echo_name.v4.sin_port);
	}
	return 0;
}
