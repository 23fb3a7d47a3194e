/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More UNIX sockets than are asked for one by one: pairs with a number on its way, half of them closed at one
 * end, and listening sockets with a client that has not been accepted.
 */
#include "live.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { PAIRS = 200, SERVERS = 20 };

static struct sockaddr_un name_of(int i)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "server-%d", i);
	return un;
}

static int serve(int i)
{
	struct sockaddr_un un = name_of(i);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(un.sun_path);
	LIVE_CHECK(fd >= 0 && !bind(fd, (void *)&un, sizeof(un)) && !listen(fd, 3));
	return fd;
}

static int call(int i)
{
	struct sockaddr_un un = name_of(i);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	LIVE_CHECK(fd >= 0 && !connect(fd, (void *)&un, sizeof(un)));
	return fd;
}

static void check_pair(const int ends[2], int i)
{
	int got = -1;

	LIVE_EQUAL(read(ends[1], &got, sizeof(got)), sizeof(got));
	LIVE_EQUAL(got, i);
	if (i % 2) {
		LIVE_EQUAL(read(ends[1], &got, sizeof(got)), 0);
		return;
	}
	LIVE_EQUAL(write(ends[1], &i, sizeof(i)), sizeof(i));
	LIVE_EQUAL(read(ends[0], &got, sizeof(got)), sizeof(got));
	LIVE_EQUAL(got, i);
}

static void check_server(int server, int client, int i)
{
	int fd = accept(server, NULL, NULL), got = -1;

	LIVE_CHECK(fd >= 0);
	LIVE_EQUAL(write(client, &i, sizeof(i)), sizeof(i));
	LIVE_EQUAL(read(fd, &got, sizeof(got)), sizeof(got));
	LIVE_EQUAL(got, i);
}

int main(void)
{
	static int ends[PAIRS][2], servers[SERVERS], clients[SERVERS];

	for (int i = 0; i < PAIRS; i++) {
		LIVE_CHECK(!socketpair(AF_UNIX, i % 3 ? SOCK_STREAM : SOCK_SEQPACKET, 0, ends[i]));
		LIVE_CHECK(write(ends[i][0], &i, sizeof(i)) == sizeof(i));
		if (i % 2)
			close(ends[i][0]);
	}
	for (int i = 0; i < SERVERS; i++) {
		servers[i] = serve(i);
		clients[i] = call(i);
	}
	live_ready();
	for (int i = 0; i < PAIRS; i++)
		check_pair(ends[i], i);
	for (int i = 0; i < SERVERS; i++)
		check_server(servers[i], clients[i], i);
	return 0;
}
