/* SPDX-License-Identifier: Apache-2.0 */
/* UNIX socket pairs with messages on their way, listening sockets of two families, options. */
#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listening(int domain, const void *name, socklen_t len)
{
	int fd = socket(domain, SOCK_STREAM, 0);

	LIVE_CHECK(fd >= 0 && !bind(fd, name, len) && !listen(fd, 7));
	return fd;
}

static void connects(int domain, int server, void *name, socklen_t len)
{
	int client = socket(domain, SOCK_STREAM, 0), peer;
	char c = 0;

	LIVE_CHECK(!getsockname(server, name, &len));
	LIVE_CHECK(client >= 0 && !connect(client, name, len));
	peer = accept(server, NULL, NULL);
	LIVE_CHECK(peer >= 0 && write(client, "x", 1) == 1 && read(peer, &c, 1) == 1 && c == 'x');
	close(client);
	close(peer);
}

int main(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int stream[2], packet[2], halves[2], one = 1, tcp, local;
	socklen_t len = sizeof(one);
	char buf[64];

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, stream));
	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packet));
	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, halves));
	LIVE_CHECK(write(stream[0], "hello ", 6) == 6 && write(stream[0], "world", 5) == 5);
	LIVE_CHECK(send(packet[0], "one", 3, 0) == 3 && send(packet[0], "three", 5, 0) == 5);
	LIVE_CHECK(send(packet[1], "back", 4, 0) == 4);
	LIVE_CHECK(write(halves[0], "last", 4) == 4);
	close(halves[0]);
	LIVE_CHECK(!setsockopt(stream[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	tcp = listening(AF_INET, &in, sizeof(in));
	local = listening(AF_UNIX, &un, sizeof(un));

	live_ready();

	LIVE_EQUAL(read(stream[1], buf, sizeof(buf)), 11);
	LIVE_CHECK(!memcmp(buf, "hello world", 11));
	LIVE_CHECK(read(stream[1], buf, sizeof(buf)) < 0 && errno == EAGAIN);
	LIVE_EQUAL(recv(packet[1], buf, sizeof(buf), 0), 3);
	LIVE_EQUAL(recv(packet[1], buf, sizeof(buf), 0), 5);
	LIVE_CHECK(!memcmp(buf, "three", 5));
	LIVE_EQUAL(recv(packet[0], buf, sizeof(buf), 0), 4);
	LIVE_EQUAL(read(halves[1], buf, sizeof(buf)), 4);
	LIVE_EQUAL(read(halves[1], buf, sizeof(buf)), 0);
	one = 0;
	LIVE_CHECK(!getsockopt(stream[1], SOL_SOCKET, SO_PASSCRED, &one, &len) && one == 1);
	connects(AF_INET, tcp, &in, sizeof(in));
	connects(AF_UNIX, local, &un, sizeof(un));
	unlink("socket");
	return 0;
}
