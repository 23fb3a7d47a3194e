/* SPDX-License-Identifier: Apache-2.0 */
/* TCP over IPv4 and IPv6, bytes on their way in both directions, addresses unchanged. */
#include "live_net.h"

struct names {
	union net_name own, peer;
};

static struct names names_of(int fd)
{
	struct names n = { 0 };
	socklen_t len = sizeof(n.own), peer_len = sizeof(n.peer);

	LIVE_CHECK(!getsockname(fd, &n.own.any, &len) && !getpeername(fd, &n.peer.any, &peer_len));
	return n;
}

int main(void)
{
	int ends[4], again;
	struct names before[4];

	net_pair(AF_INET, ends);
	net_pair(AF_INET6, ends + 2);
	for (int i = 0; i < 4; i++) {
		LIVE_EQUAL(net_write(ends[i], 0, 30000), 30000);
		before[i] = names_of(ends[i]);
	}
	again = dup(ends[0]);
	LIVE_CHECK(!fcntl(ends[1], F_SETFL, O_NONBLOCK) && !fcntl(ends[2], F_SETFD, 0));

	live_ready();

	for (int i = 0; i < 4; i++) {
		struct names after = names_of(ends[i]);

		LIVE_CHECK(!memcmp(&after, &before[i], sizeof(after)));
	}
	LIVE_EQUAL(fcntl(ends[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	LIVE_EQUAL(fcntl(ends[2], F_GETFL) & O_NONBLOCK, 0);
	LIVE_EQUAL(fcntl(ends[2], F_GETFD), 0);
	LIVE_EQUAL(fcntl(ends[3], F_GETFD), 0);
	for (int i = 0; i < 4; i++) {
		net_read(ends[i], 0, 30000);
		net_nothing(ends[i]);
	}
	for (int i = 0; i < 4; i++)
		LIVE_EQUAL(net_write(i ? ends[i] : again, 7, 1000), 1000);
	fcntl(ends[1], F_SETFL, 0);
	for (int i = 0; i < 4; i++)
		net_read(i ? ends[i] : again, 7, 1000);
	return 0;
}
