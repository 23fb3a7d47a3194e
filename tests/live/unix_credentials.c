/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that have not been read, with the credentials of who has sent them: a process that lives on, one
 * that has ended since, and, where that can be, one of another user.
 */
#include "live.h"

#include <sys/socket.h>

enum { SENDERS = 3 };

static void receive(int fd, struct ucred *from)
{
	_Alignas(struct cmsghdr) char control[256];
	char text[8];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr h = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	LIVE_EQUAL(recvmsg(fd, &h, MSG_DONTWAIT), 5);
	c = CMSG_FIRSTHDR(&h);
	LIVE_CHECK(c && c->cmsg_type == SCM_CREDENTIALS);
	memcpy(from, CMSG_DATA(c), sizeof(*from));
	LIVE_CHECK(!memcmp(text, "hello", 5));
}

/* Sends, and lives until @until ends, if it is one who lives. */
static pid_t sender(int fd, uid_t uid, const int *until)
{
	pid_t pid = fork();
	char c;

	if (pid)
		return pid;
	if (uid)
		LIVE_CHECK(!setresgid(uid + 1, uid + 1, uid + 1) && !setresuid(uid, uid, uid));
	LIVE_EQUAL(write(fd, "hello", 5), 5);
	if (!until)
		_exit(0);
	close(until[1]);
	_exit(read(until[0], &c, 1) != 0);
}

static void await_messages(int fd, int n)
{
	char text[8];
	int off = 0;

	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
	for (int i = 0; i < n; i++)
		LIVE_EQUAL(recv(fd, text, sizeof(text), MSG_PEEK), 5);
	off = -1;
	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
}

int main(void)
{
	uid_t uid[SENDERS] = { getuid(), getuid(), getuid() ? getuid() : 4711 };
	int ends[2], until[2], one = 1, status;
	pid_t pid[SENDERS];

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) && !pipe(until));
	LIVE_CHECK(!setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	for (int i = 0; i < SENDERS; i++) {
		pid[i] = sender(ends[1], i == 2 && uid[i] != getuid() ? uid[i] : 0,
				i == 1 ? NULL : until);
		await_messages(ends[0], i + 1);
	}
	LIVE_CHECK(waitpid(pid[1], &status, 0) == pid[1] && status == 0);
	live_ready();
	for (int i = 0; i < SENDERS; i++) {
		struct ucred from;

		receive(ends[0], &from);
		LIVE_EQUAL(from.uid, uid[i]);
		LIVE_EQUAL(from.gid, uid[i] == getuid() ? getgid() : uid[i] + 1);
		LIVE_EQUAL(from.pid, pid[i]);
	}
	close(until[1]);
	while (wait(&status) > 0)
		LIVE_EQUAL(status, 0);
	return 0;
}
