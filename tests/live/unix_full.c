/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNIX sockets that take no more: of small messages, where each counts with much more than its bytes, of
 * large and then small ones, and of bytes. All are there again, and there is room once they have been read.
 */
#include "live.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { SOCKETS = 4, LARGE = 30000 };

static char bytes[LARGE];

/* Send messages of @len bytes, which begin with their number, until one does not fit or there are @max. */
static int send_until_full(int fd, size_t len, int from, int max)
{
	int n = from;

	while (n < max) {
		memcpy(bytes, &n, sizeof(n));
		if (send(fd, bytes, len, MSG_DONTWAIT) != (ssize_t)len) {
			LIVE_EQUAL(errno, EAGAIN);
			break;
		}
		n++;
	}
	return n;
}

static void receive(int fd, int n, size_t large, int nlarge)
{
	for (int i = 0; i < n; i++) {
		size_t len = i < nlarge ? large : sizeof(i);

		LIVE_EQUAL(recv(fd, bytes, len, MSG_DONTWAIT), len);
		LIVE_CHECK(!memcmp(bytes, &i, sizeof(i)));
	}
	LIVE_CHECK(recv(fd, bytes, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

/* Datagrams to a name: the sender is no pair with the receiver. */
static void connect_named(int fds[2])
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "receiver" };

	unlink(name.sun_path);
	for (int i = 0; i < 2; i++)
		fds[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	LIVE_CHECK(!bind(fds[1], (struct sockaddr *)&name, sizeof(name)));
	LIVE_CHECK(!connect(fds[0], (struct sockaddr *)&name, sizeof(name)));
	strcpy(name.sun_path, "sender");
	unlink(name.sun_path);
	LIVE_CHECK(!bind(fds[0], (struct sockaddr *)&name, sizeof(name)));
}

int main(void)
{
	static const int types[SOCKETS - 1] = { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM };
	int fds[SOCKETS][2], n[SOCKETS], large = 0;

	for (int i = 0; i < SOCKETS - 1; i++) {
		LIVE_CHECK(!socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, fds[i]));
		n[i] = send_until_full(fds[i][0], sizeof(int), 0, INT_MAX);
	}
	connect_named(fds[SOCKETS - 1]);
	large = send_until_full(fds[SOCKETS - 1][0], LARGE, 0, 5);
	n[SOCKETS - 1] = send_until_full(fds[SOCKETS - 1][0], sizeof(int), large, INT_MAX);

	live_ready();

	for (int i = 0; i < SOCKETS; i++) {
		receive(fds[i][1], n[i], LARGE, i == SOCKETS - 1 ? large : 0);
		LIVE_CHECK(send_until_full(fds[i][0], sizeof(int), 0, 1) == 1);
	}
	return 0;
}
