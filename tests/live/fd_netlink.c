/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink sockets that wait for nothing: groups, address, to whom one is connected; the kernel answers. */
#include "live.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static void asks(int fd)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
	} ask = { .h = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		  .info = { .ifi_index = 1 } };
	_Alignas(struct nlmsghdr) char reply[16384];
	const struct nlmsghdr *h = (void *)reply;

	LIVE_EQUAL(send(fd, &ask, sizeof(ask), 0), sizeof(ask));
	LIVE_CHECK(recv(fd, reply, sizeof(reply), 0) > 0);
	LIVE_EQUAL(h->nlmsg_type, RTM_NEWLINK);
	while (h->nlmsg_type != NLMSG_ERROR)
		LIVE_CHECK(recv(fd, reply, sizeof(reply), 0) > 0);
}

int main(void)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NOTIFY };
	struct sockaddr_nl before = { 0 }, after = { 0 };
	socklen_t len = sizeof(before);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE),
	    one = 1;
	int events = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
	int other = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK }, peer = { 0 };
	int size = 0, forced = 64 << 20;
	bool sends;

	LIVE_CHECK(fd >= 0 && events >= 0 && !bind(fd, (void *)&name, sizeof(name)));
	LIVE_CHECK(!setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)));
	asks(fd);
	LIVE_CHECK(!getsockname(fd, (void *)&before, &len));
	to.nl_pid = before.nl_pid;
	to.nl_groups = 1;
	setsockopt(events, SOL_SOCKET, SO_RCVBUFFORCE, &forced, sizeof(forced)); /* root */
	len = sizeof(forced);
	LIVE_CHECK(!getsockopt(events, SOL_SOCKET, SO_RCVBUF, &forced, &len));
	sends = !connect(other, (void *)&to, sizeof(to)); /* not everybody may */

	live_ready();

	len = sizeof(after);
	LIVE_CHECK(!getsockname(fd, (void *)&after, &len));
	LIVE_EQUAL(after.nl_groups, before.nl_groups);
	LIVE_CHECK(after.nl_pid);
	len = sizeof(one);
	one = 0;
	LIVE_CHECK(!getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, &len) && one == 1);
	LIVE_CHECK(!getsockopt(events, SOL_SOCKET, SO_RCVBUF, &size, &len));
	LIVE_EQUAL(size, forced);
	LIVE_EQUAL(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	asks(fd);
	len = sizeof(peer);
	LIVE_CHECK(!getpeername(other, (void *)&peer, &len));
	LIVE_EQUAL(peer.nl_groups, sends ? 1 : 0);
	LIVE_EQUAL(peer.nl_pid, sends ? before.nl_pid : 0);
	return 0;
}
