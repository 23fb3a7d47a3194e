/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections of which one end, or both, has shut down one direction, or is gone. */
#include "live_net.h"

enum { CONNECTED, ACCEPTED, BOTH, READING, GONE, CASES };

static void set_up(int ends[CASES][2], int domain)
{
	for (int i = 0; i < CASES; i++) {
		net_pair(domain, ends[i]);
		LIVE_EQUAL(net_write(ends[i][0], 0, 1000), 1000);
		LIVE_EQUAL(net_write(ends[i][1], 50, 1000), 1000);
	}
	LIVE_CHECK(!shutdown(ends[CONNECTED][0], SHUT_WR));
	LIVE_CHECK(!shutdown(ends[ACCEPTED][1], SHUT_WR));
	LIVE_CHECK(!shutdown(ends[BOTH][0], SHUT_WR) && !shutdown(ends[BOTH][1], SHUT_WR));
	LIVE_CHECK(!shutdown(ends[READING][0], SHUT_RD));
	net_read(ends[GONE][0], 50, 1000);
	LIVE_EQUAL(net_write(ends[GONE][1], 9, 2000), 2000);
	close(ends[GONE][0]);
	net_pair(domain, ends[GONE]);
	LIVE_EQUAL(net_write(ends[GONE][1], 50, 1000), 1000);
	close(ends[GONE][1]);
}

static void check(int ends[CASES][2])
{
	char c;

	net_read(ends[CONNECTED][1], 0, 1000);
	net_end(ends[CONNECTED][1]);
	LIVE_EQUAL(net_write(ends[CONNECTED][1], 1050, 10), 10);
	net_read(ends[CONNECTED][0], 50, 1010);
	LIVE_CHECK(send(ends[CONNECTED][0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	close(ends[CONNECTED][1]);
	net_end(ends[CONNECTED][0]);

	net_read(ends[ACCEPTED][0], 50, 1000);
	net_end(ends[ACCEPTED][0]);
	LIVE_EQUAL(net_write(ends[ACCEPTED][0], 1000, 10), 10);
	net_read(ends[ACCEPTED][1], 0, 1010);
	net_nothing(ends[ACCEPTED][1]);

	for (int i = 0; i < 2; i++) {
		net_read(ends[BOTH][i], i ? 0 : 50, 1000);
		net_end(ends[BOTH][i]);
		LIVE_CHECK(send(ends[BOTH][i], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	}
	net_read(ends[READING][0], 50, 1000);
	LIVE_EQUAL(recv(ends[READING][0], &c, 1, MSG_DONTWAIT), 0);
	net_read(ends[READING][1], 0, 1000);
	net_nothing(ends[READING][1]);
	net_read(ends[GONE][0], 50, 1000);
	net_end(ends[GONE][0]);
}

int main(void)
{
	int four[CASES][2], six[CASES][2];

	set_up(four, AF_INET);
	set_up(six, AF_INET6);

	live_ready();

	check(four);
	check(six);
	return 0;
}
