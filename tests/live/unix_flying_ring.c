/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that lie in each other's queues: the kernel takes back their names only when it looks for such. */
#include "live.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void give(int via, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	LIVE_EQUAL(sendmsg(via, &msg, 0), 1);
}

static int take(int via)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;

	LIVE_EQUAL(recvmsg(via, &msg, MSG_DONTWAIT), 1);
	LIVE_CHECK(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static socklen_t name_of(struct sockaddr_un *un, int i)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1,
					    "cairn-%d-%d-ring%d", getuid(), getpid(), i));
}

int main(void)
{
	struct sockaddr_un un, got;
	int ring[2], at;
	socklen_t len;

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ring));
	for (int i = 0; i < 2; i++) {
		len = name_of(&un, i);
		LIVE_CHECK(!bind(ring[i], (void *)&un, len));
	}
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			give(ring[i], ring[k]);

	live_ready();

	at = ring[0];
	for (int i = 0; i < 3; i++) {
		at = take(at);
		len = sizeof(got);
		LIVE_CHECK(!getsockname(at, (void *)&got, &len));
		LIVE_EQUAL(len, name_of(&un, i % 2));
		LIVE_CHECK(!memcmp(&got, &un, len));
	}
	return 0;
}
