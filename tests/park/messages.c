/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recvmmsg and sendmmsg with a slow other side: found half-way again and again, each moves all messages
 * that it was asked to, with a time-out too, and no error of the interruption is left on the socket for
 * the call that comes next. Only MSG_WAITFORONE has less than all.
 */
#include "park_test.h"

#include <sys/socket.h>

enum { MESSAGES = 40, LEN = 1000 };

struct way {
	const char *name;
	int type, flags;
	bool sends, timed;
	int fds[2];
};

static struct way ways[] = {
	{ "recvmmsg of datagrams", SOCK_DGRAM, 0 },
	{ "recvmmsg with a time-out", SOCK_SEQPACKET, 0, false, true },
	{ "recvmmsg of one at least", SOCK_DGRAM, MSG_WAITFORONE },
	{ "sendmmsg of datagrams", SOCK_DGRAM, 0, true },
	{ "sendmmsg of packets", SOCK_SEQPACKET, 0, true },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void check(const struct way *w, const struct mmsghdr *m, int n, unsigned int *next)
{
	if (n < 0 || (n < MESSAGES && !(n > 0 && w->flags)))
		bad("%s gave %d (%s)", w->name, n, n < 0 ? strerror(errno) : "");
	for (int i = 0; i < n; i++) {
		const unsigned int *number = m[i].msg_hdr.msg_iov->iov_base;

		if (m[i].msg_len != LEN || *number != *next)
			bad("%s: message %d is number %u of %u bytes, not %u of %d", w->name, i,
			    *number, m[i].msg_len, *next, LEN);
		++*next;
	}
}

/* The side that asks for many at once. */
static void *asks(void *arg)
{
	static _Thread_local unsigned int texts[MESSAGES][LEN / sizeof(int)];
	struct mmsghdr m[MESSAGES] = { 0 };
	struct iovec v[MESSAGES];
	struct way *w = arg;
	unsigned int next = 0;

	for (int i = 0; i < MESSAGES; i++) {
		v[i] = (struct iovec){ texts[i], LEN };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
	}
	while (!shared->stop) {
		struct timespec hour = { 3600, 0 };
		int n;

		for (unsigned int i = 0; w->sends && i < MESSAGES; i++)
			*texts[i] = next + i;
		n = w->sends ? sendmmsg(w->fds[1], m, MESSAGES, w->flags)
			     : recvmmsg(w->fds[1], m, MESSAGES, w->flags, w->timed ? &hour : NULL);
		if (!shared->stop)
			check(w, m, n, &next);
		shared->rounds++;
	}
	return arg;
}

/* The other side: one by one. It ends with the process. */
static void *other(void *arg)
{
	unsigned int text[LEN / sizeof(int)] = { 0 };
	struct way *w = arg;

	for (;;) {
		if (w->sends) {
			EXPECT(recv(w->fds[0], text, LEN, 0) == LEN);
		} else {
			EXPECT(send(w->fds[0], text, LEN, 0) == LEN);
			++*text;
		}
		nap_ns(100000);
	}
	return arg;
}

static void behave(struct shared *s)
{
	pthread_t t;

	for (size_t i = 0; i < WAYS; i++) {
		EXPECT(!socketpair(AF_UNIX, ways[i].type, 0, ways[i].fds));
		EXPECT(!pthread_create(&t, NULL, asks, &ways[i]));
		EXPECT(!pthread_create(&t, NULL, other, &ways[i]));
	}
	while (!s->stop)
		nap_ns(1000000);
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parks = 250, .gap_ns = 4000000 });
}
