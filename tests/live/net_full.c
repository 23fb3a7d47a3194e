/* SPDX-License-Identifier: Apache-2.0 */
/* TCP with shut windows: the receiver's queue is full, and so is the sender's; small and large ones. */
#include "live_net.h"

int main(void)
{
	int ends[4], small = 8192;
	size_t sent[4];

	net_pair(AF_INET, ends);
	net_pair(AF_INET6, ends + 2);
	LIVE_CHECK(!setsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	LIVE_CHECK(!setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	for (int i = 0; i < 4; i++)
		sent[i] = net_write(ends[i], 0, SIZE_MAX);

	live_ready();

	for (int i = 0; i < 4; i++) {
		net_read(ends[i ^ 1], 0, sent[i]);
		net_nothing(ends[i ^ 1]);
	}
	for (int i = 0; i < 4; i++) {
		LIVE_EQUAL(net_write(ends[i], sent[i], 5000), 5000);
		net_read(ends[i ^ 1], sent[i], 5000);
	}
	return 0;
}
