/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors on their way through UNIX sockets: ones that nobody else holds, ones that somebody holds too, a
 * socket inside itself; in a stream, with the bytes they came with.
 */
#include "live.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

static void pass(int to, const char *bytes, size_t len, const int *fds, size_t n)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = "";
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *c = (void *)control;

		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		*c = (struct cmsghdr){ CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	LIVE_EQUAL(sendmsg(to, &h, 0), len);
}

static size_t take(int from, char *bytes, size_t room, int *fds)
{
	char control[CMSG_SPACE(8 * sizeof(int))];
	struct iovec iov = { bytes, room };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(from, &h, 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	LIVE_CHECK(n >= 0);
	if (c)
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	else
		fds[0] = -1;
	return (size_t)n;
}

static void in_a_stream(int s, int file)
{
	char buf[64];
	int fds[8];

	LIVE_EQUAL(take(s, buf, 6, fds), 6); /* what came before it */
	LIVE_CHECK(!memcmp(buf, "before", 6) && fds[0] == -1);
	LIVE_EQUAL(take(s, buf, sizeof(buf), fds), 4);
	LIVE_CHECK(!memcmp(buf, "with", 4) && fds[0] >= 0 && fds[1] >= 0);
	/* The one that we hold too, and one that only the queue held. */
	LIVE_EQUAL(lseek(file, 3, SEEK_SET), 3);
	LIVE_EQUAL(lseek(fds[0], 0, SEEK_CUR), 3);
	LIVE_EQUAL(lseek(fds[1], 0, SEEK_CUR), 5);
	LIVE_EQUAL(read(fds[1], buf, 1), 1);
	LIVE_EQUAL(take(s, buf, sizeof(buf), fds), 5);
	LIVE_CHECK(!memcmp(buf, "after", 5) && fds[0] == -1);
}

static void in_packets(int s, int reader)
{
	uint64_t count;
	char buf[64];
	int fds[8];

	LIVE_EQUAL(take(s, buf, sizeof(buf), fds), 3);
	LIVE_EQUAL(read(fds[0], &count, 8), 8);
	LIVE_EQUAL(count, 7);
	LIVE_EQUAL(take(s, buf, sizeof(buf), fds), 0);
	LIVE_CHECK(fds[0] >= 0);
	/* The only writing end of our pipe was on its way: now it can be closed. */
	LIVE_EQUAL(write(fds[0], "!", 1), 1);
	close(fds[0]);
	LIVE_EQUAL(read(reader, buf, sizeof(buf)), 1);
	LIVE_EQUAL(read(reader, buf, sizeof(buf)), 0);
}

/* One end of a pair inside the other, and a message in that. */
static void in_itself(int peer, int s)
{
	char buf[64];
	int fds[8];

	LIVE_EQUAL(take(s, buf, sizeof(buf), fds), 1);
	LIVE_CHECK(fds[0] >= 0);
	LIVE_EQUAL(write(peer, "round", 5), 5);
	LIVE_EQUAL(take(fds[0], buf, sizeof(buf), fds + 1), 5);
}

int main(void)
{
	int stream[2], packet[2], own[2], deep[2], p[2], fds[2], e;
	int file = live_file("file", 16, 'x');
	char c;

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packet));
	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, own));
	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, deep));
	LIVE_CHECK(!pipe(p));
	fds[0] = file;
	fds[1] = open("file", O_RDONLY);
	LIVE_EQUAL(lseek(fds[1], 5, SEEK_SET), 5);
	pass(stream[0], "before", 6, NULL, 0);
	pass(stream[0], "with", 4, fds, 2);
	pass(stream[0], "after", 5, NULL, 0);
	close(fds[1]);
	e = eventfd(7, 0);
	pass(packet[0], "abc", 3, &e, 1);
	close(e);
	pass(packet[0], "", 0, &p[1], 1);
	close(p[1]);
	pass(own[0], "o", 1, &own[1], 1);
	/* A socket in flight with a message in it. */
	pass(deep[1], "deep", 4, &file, 1);
	pass(packet[0], "d", 1, &deep[0], 1);
	close(deep[0]);

	live_ready();

	in_a_stream(stream[1], file);
	in_packets(packet[1], p[0]);
	LIVE_EQUAL(take(packet[1], &c, 1, fds), 1);
	LIVE_CHECK(fds[0] >= 0);
	LIVE_EQUAL(take(fds[0], (char[8]){ 0 }, 8, fds), 4);
	LIVE_EQUAL(lseek(fds[0], 0, SEEK_CUR), 3);
	in_itself(own[0], own[1]);
	unlink("file");
	return 0;
}
