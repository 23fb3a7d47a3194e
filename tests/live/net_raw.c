/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw sockets: bound, connected (of which getpeername does not tell), with options and filters of their own;
 * packets that the program has made by itself.
 */
#include "live_net.h"

#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

enum { OPTION_ICMP_FILTER = 1, OPTION_NODEFRAG = 22, OPTION_IPV6_FREEBIND = 78 };

static uint32_t own; /* addresses of this host that nobody else uses, from here on */

static int raw(int domain, int protocol)
{
	int fd = socket(domain, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 && errno == EPERM)
		live_skip("only root has raw sockets");
	LIVE_CHECK(fd >= 0);
	return fd;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	LIVE_CHECK(!getsockopt(fd, level, name, &value, &len));
	return value;
}

static void set(int fd, int level, int name, int value)
{
	LIVE_CHECK(!setsockopt(fd, level, name, &value, sizeof(value)));
}

static uint32_t address(int fd)
{
	union net_name name;
	socklen_t len = sizeof(name);

	LIVE_CHECK(!getsockname(fd, &name.any, &len));
	return ntohl(name.v4.sin_addr.s_addr);
}

/* From where a datagram with nothing in it comes that @fd sends to @to by the header it makes itself. */
static void sends_itself(int fd, const union net_name *to, int receiver)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} packet = { .ip = { .ihl = 5, .version = 4, .ttl = 9, .protocol = IPPROTO_UDP } };
	union net_name from;
	socklen_t len = sizeof(from);
	char byte;

	packet.ip.saddr = htonl(own + 9);
	packet.ip.daddr = to->v4.sin_addr.s_addr;
	packet.udp.source = htons(999);
	packet.udp.dest = to->v4.sin_port;
	packet.udp.len = htons(sizeof(packet.udp));
	LIVE_EQUAL(sendto(fd, &packet, sizeof(packet), 0, &to->any, sizeof(to->v4)),
		   sizeof(packet));
	LIVE_EQUAL(recvfrom(receiver, &byte, 1, 0, &from.any, &len), 0);
	LIVE_EQUAL(ntohl(from.v4.sin_addr.s_addr), own + 9);
	LIVE_EQUAL(ntohs(from.v4.sin_port), 999);
}

/* An echo that @fd asks for, and its answer; what else it hears must not come before. */
static void pings(int fd, uint16_t number)
{
	struct icmphdr ask = { .type = ICMP_ECHO, .un.echo = { .sequence = htons(number) } };
	struct {
		struct iphdr ip;
		struct icmphdr icmp;
	} answer;
	union net_name to;

	net_loopback(&to, AF_INET);
	to.v4.sin_addr.s_addr = htonl(own + 4);
	ask.checksum = htons((uint16_t) ~((ICMP_ECHO << 8) + number));
	LIVE_EQUAL(sendto(fd, &ask, sizeof(ask), 0, &to.any, sizeof(to.v4)), sizeof(ask));
	LIVE_EQUAL(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
	LIVE_EQUAL(answer.icmp.type, ICMP_ECHOREPLY);
	LIVE_EQUAL(ntohs(answer.icmp.un.echo.sequence), number);
}

static void hears_nothing(int fd)
{
	char byte;

	LIVE_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	LIVE_EQUAL(errno, EAGAIN);
}

struct six { /* both -1 where there is no IPv6 */
	int icmp, sum;
	struct icmp6_filter filter;
};

static void set_six(struct six *s)
{
	s->icmp = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	s->sum = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 201);
	if (s->icmp < 0 || s->sum < 0)
		return;
	ICMP6_FILTER_SETBLOCKALL(&s->filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &s->filter);
	LIVE_CHECK(
		!setsockopt(s->icmp, IPPROTO_ICMPV6, ICMP6_FILTER, &s->filter, sizeof(s->filter)));
	set(s->icmp, IPPROTO_IPV6, OPTION_IPV6_FREEBIND, 1);
	set(s->sum, IPPROTO_IPV6, IPV6_CHECKSUM, 4);
}

static void check_six(const struct six *s)
{
	struct icmp6_filter now;
	socklen_t len = sizeof(now);

	if (s->icmp < 0 || s->sum < 0)
		return;
	LIVE_CHECK(!getsockopt(s->icmp, IPPROTO_ICMPV6, ICMP6_FILTER, &now, &len));
	LIVE_CHECK(len == sizeof(now) && !memcmp(&s->filter, &now, len));
	LIVE_EQUAL(option(s->icmp, IPPROTO_IPV6, OPTION_IPV6_FREEBIND), 1);
	LIVE_EQUAL(option(s->sum, IPPROTO_IPV6, IPV6_CHECKSUM), 4);
}

int main(void)
{
	struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog filter = { .len = 1, .filter = nothing };
	struct six six;
	int made = raw(AF_INET, IPPROTO_RAW), udp = raw(AF_INET, IPPROTO_UDP),
	    connected = raw(AF_INET, 200), echo = raw(AF_INET, IPPROTO_ICMP),
	    peer = raw(AF_INET, 200), deaf = raw(AF_INET, IPPROTO_UDP);
	int receiver;
	union net_name name, to;
	char packet[64];
	socklen_t len = net_loopback(&name, AF_INET);

	own = 0x7f000000 + ((uint32_t)getpid() << 4 & 0xfffff0);
	receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	net_loopback(&to, AF_INET);
	LIVE_CHECK(!bind(receiver, &to.any, len) && !getsockname(receiver, &to.any, &len));
	name.v4.sin_addr.s_addr = htonl(own + 2);
	LIVE_CHECK(!bind(udp, &name.any, len));
	name.v4.sin_addr.s_addr = htonl(own + 4);
	LIVE_CHECK(!bind(echo, &name.any, len));
	name.v4.sin_addr.s_addr = htonl(own + 3);
	LIVE_CHECK(!bind(peer, &name.any, len));
	LIVE_CHECK(!connect(connected, &name.any, len));
	set(udp, IPPROTO_IP, IP_HDRINCL, 1);
	set(udp, IPPROTO_IP, OPTION_NODEFRAG, 1);
	set(udp, IPPROTO_IP, IP_TTL, 77);
	set(echo, IPPROTO_RAW, OPTION_ICMP_FILTER, ~(1 << ICMP_ECHOREPLY));
	LIVE_CHECK(!setsockopt(deaf, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	set(deaf, SOL_SOCKET, SO_LOCK_FILTER, 1);
	set_six(&six);
	sends_itself(made, &to, receiver);
	pings(echo, 1);

	live_ready();

	hears_nothing(echo);
	pings(echo, 2);
	sends_itself(made, &to, receiver);
	sends_itself(udp, &to, receiver);
	hears_nothing(deaf);
	hears_nothing(udp); /* it went to another address */
	LIVE_EQUAL(option(deaf, SOL_SOCKET, SO_LOCK_FILTER), 1);
	LIVE_EQUAL(address(udp), own + 2);
	LIVE_EQUAL(option(udp, IPPROTO_IP, IP_HDRINCL), 1);
	LIVE_EQUAL(option(udp, IPPROTO_IP, OPTION_NODEFRAG), 1);
	LIVE_EQUAL(option(udp, IPPROTO_IP, IP_TTL), 77);
	LIVE_EQUAL(option(connected, SOL_SOCKET, SO_PROTOCOL), 200);
	LIVE_EQUAL(send(connected, "x", 1, 0), 1);
	LIVE_EQUAL(recv(peer, packet, sizeof(packet), 0), sizeof(struct iphdr) + 1);
	LIVE_EQUAL(address(connected), 0x7f000001);
	check_six(&six);
	return 0;
}
