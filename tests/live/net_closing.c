/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections of which both ends have shut down what they send, while one's end stands behind data that
 * the other has no room for: when these arrive the connection is over for both.
 */
#include "live_net.h"

enum { CASES = 4 };

/* @from: the end that has sent too much. */
static size_t set_up(int domain, int ends[2], int from)
{
	size_t sent;

	net_pair(domain, ends);
	sent = net_write(ends[from], 0, SIZE_MAX);
	LIVE_EQUAL(net_write(ends[!from], 70, 1000), 1000);
	LIVE_CHECK(!shutdown(ends[from], SHUT_WR) && !shutdown(ends[!from], SHUT_WR));
	net_read(ends[from], 70, 1000);
	net_end(ends[from]);
	return sent;
}

int main(void)
{
	int ends[CASES][2];
	size_t sent[CASES];

	for (int i = 0; i < CASES; i++)
		sent[i] = set_up(i & 2 ? AF_INET6 : AF_INET, ends[i], i & 1);

	live_ready();

	for (int i = 0; i < CASES; i++) {
		int from = i & 1;

		net_read(ends[i][!from], 0, sent[i]);
		for (int k = 0; k < 2; k++) {
			net_end(ends[i][k]);
			LIVE_CHECK(send(ends[i][k], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
		}
	}
	return 0;
}
