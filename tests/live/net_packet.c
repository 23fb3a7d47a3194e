/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet sockets without rings: protocol, interface, options, what an interface is asked to receive, a group
 * of two, one of the old kind; and that a filter holds from the first packet on.
 */
#include "live_packet.h"

#include <linux/rtnetlink.h>

enum { OPTION_IGNORE_OUTGOING = 23, GROUP_LB = 1, MEMBERS = 2 };

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	LIVE_CHECK(!getsockopt(fd, SOL_PACKET, name, &value, &len));
	return value;
}

static void set(int fd, int name, int value)
{
	LIVE_CHECK(!setsockopt(fd, SOL_PACKET, name, &value, sizeof(value)));
}

static void is_at(int fd, int protocol, int interface)
{
	struct sockaddr_ll name;
	socklen_t len = sizeof(name);

	LIVE_CHECK(!getsockname(fd, (void *)&name, &len));
	LIVE_EQUAL(ntohs(name.sll_protocol), protocol);
	LIVE_EQUAL(name.sll_ifindex, interface);
}

static void is_received(int fd, uint32_t number)
{
	uint32_t packet[PACKET_BYTES / 4];

	LIVE_EQUAL(recv(fd, packet, sizeof(packet), 0), PACKET_BYTES);
	LIVE_EQUAL(packet[1], number);
}

static void hears_nothing(int fd)
{
	char byte;

	LIVE_EQUAL(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	LIVE_EQUAL(errno, EAGAIN);
}

/* How often somebody wants @interface to receive all; nobody tells who. */
static uint32_t promiscuity(int interface)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
	} ask = { .h = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST },
		  .info = { .ifi_index = interface } };
	_Alignas(struct nlmsghdr) char reply[16384];
	struct nlmsghdr *h = (void *)reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), left;
	struct rtattr *a;

	LIVE_EQUAL(send(fd, &ask, sizeof(ask), 0), sizeof(ask));
	LIVE_CHECK(recv(fd, reply, sizeof(reply), 0) > 0 && h->nlmsg_type == RTM_NEWLINK);
	close(fd);
	left = (int)IFLA_PAYLOAD(h);
	for (a = IFLA_RTA(NLMSG_DATA(h)); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_PROMISCUITY)
			return *(const uint32_t *)RTA_DATA(a);
	live_skip("this kernel does not tell who receives all");
}

static int bound(int type)
{
	const struct sockaddr_ll lo = packet_lo();
	int fd = packet_socket(type);

	packet_filter(fd, type == SOCK_RAW ? 14 : 0, packet_mark(0));
	LIVE_CHECK(!bind(fd, (const void *)&lo, sizeof(lo)));
	return fd;
}

static int bound_old(void)
{
	struct sockaddr lo = { .sa_family = AF_PACKET, .sa_data = "lo" };
	int fd = socket(AF_PACKET, SOCK_PACKET | SOCK_CLOEXEC, htons(PACKET_PROTOCOL));

	if (fd >= 0)
		LIVE_CHECK(!bind(fd, &lo, sizeof(lo)));
	return fd;
}

int main(void)
{
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	int sender = packet_socket(SOCK_DGRAM), fd = bound(SOCK_DGRAM), raw = bound(SOCK_RAW),
	    old = bound_old(), lo = (int)if_nametoindex("lo"), group[MEMBERS];
	struct sockaddr name;
	socklen_t len = sizeof(name);

	for (int i = 0; i < MEMBERS; i++) {
		group[i] = bound(SOCK_DGRAM);
		set(group[i], PACKET_FANOUT, (getpid() & 0xffff) | GROUP_LB << 16);
	}
	promiscuous.mr_ifindex = lo;
	for (int i = 0; i < 2; i++)
		LIVE_CHECK(!setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
				       sizeof(promiscuous)));
	set(fd, PACKET_AUXDATA, 1);
	set(fd, PACKET_ORIGDEV, 1);
	set(fd, OPTION_IGNORE_OUTGOING, 1);
	set(raw, PACKET_VERSION, TPACKET_V2);
	set(raw, PACKET_RESERVE, 40);
	packet_send(sender, packet_mark(0), 1);
	is_received(fd, 1);

	live_ready();

	hears_nothing(fd);
	packet_send(sender, packet_mark(0), 2);
	is_received(fd, 2);
	packet_send(sender, packet_mark(0), 3);
	is_received(fd, 3);
	hears_nothing(fd);
	is_at(sender, 0, 0);
	is_at(fd, PACKET_PROTOCOL, lo);
	is_at(raw, PACKET_PROTOCOL, lo);
	LIVE_EQUAL(option(fd, PACKET_AUXDATA), 1);
	LIVE_EQUAL(option(fd, PACKET_ORIGDEV), 1);
	LIVE_EQUAL(option(fd, OPTION_IGNORE_OUTGOING), 1);
	LIVE_EQUAL(option(raw, PACKET_AUXDATA), 0);
	LIVE_EQUAL(option(raw, PACKET_VERSION), TPACKET_V2);
	LIVE_EQUAL(option(raw, PACKET_RESERVE), 40);
	LIVE_CHECK(promiscuity(lo) >= 1);
	for (int i = 0; i < MEMBERS; i++) {
		char byte;

		LIVE_EQUAL(option(group[i], PACKET_FANOUT), (getpid() & 0xffff) | GROUP_LB << 16);
		/* Each has its turn, but others' packets count as well. */
		while (recv(group[i], &byte, 1, MSG_DONTWAIT) < 0)
			packet_send(sender, packet_mark(0), 4);
	}
	if (old >= 0) {
		LIVE_CHECK(!getsockname(old, &name, &len));
		LIVE_CHECK(!strcmp(name.sa_data, "lo"));
		LIVE_CHECK(recv(old, &name, sizeof(name), 0) > 0);
	}
	return 0;
}
