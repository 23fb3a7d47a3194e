/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets with a filter (SO_ATTACH_FILTER): what was there before it stays, what comes after is dropped; and
 * one that is locked cannot be taken off.
 */
#include "live.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void drop_all(int fd)
{
	struct sock_filter code[] = { { BPF_RET | BPF_K, 0, 0, 0 } };
	struct sock_fprog program = { 1, code };

	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static void only_first(int in)
{
	char byte;

	LIVE_CHECK(recv(in, &byte, 1, MSG_DONTWAIT) == 1 && byte == '1');
	LIVE_CHECK(recv(in, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

int main(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0), ends[2];
	int one = 1;
	socklen_t len = sizeof(name);

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	LIVE_CHECK(!bind(in, (struct sockaddr *)&name, len) &&
		   !getsockname(in, (struct sockaddr *)&name, &len) &&
		   !connect(out, (struct sockaddr *)&name, len));
	LIVE_CHECK(send(out, "1", 1, 0) == 1 && send(ends[1], "1", 1, 0) == 1);
	drop_all(in);
	drop_all(ends[0]);
	LIVE_CHECK(!setsockopt(in, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)));
	live_ready();
	LIVE_CHECK(setsockopt(in, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)) < 0 &&
		   errno == EPERM);
	LIVE_CHECK(!setsockopt(ends[1], SOL_SOCKET, SO_LOCK_FILTER, &(int){ 0 }, sizeof(int)));
	send(out, "2", 1, 0);
	send(ends[1], "2", 1, MSG_DONTWAIT);
	only_first(in);
	only_first(ends[0]);
	return 0;
}
