/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads half-way in recvmmsg and sendmmsg: they move the rest after a restart, each message once, and the
 * count is that of all.
 */
#include "live_proc.h"

#include <sys/socket.h>

enum { MESSAGES = 900, BEFORE = 5, RECEIVE = 0, SEND = 1 }; /* more than a socket holds */
static int pairs[2][2];

static void numbered(struct mmsghdr *m, struct iovec *v, int *numbers)
{
	for (int i = 0; i < MESSAGES; i++) {
		v[i] = (struct iovec){ &numbers[i], sizeof(numbers[i]) };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &v[i], .msg_iovlen = 1 } };
	}
}

static void *receives(void *tid)
{
	struct mmsghdr m[MESSAGES];
	struct iovec v[MESSAGES];
	int numbers[MESSAGES] = { 0 };

	numbered(m, v, numbers);
	live_here(tid);
	LIVE_EQUAL(recvmmsg(pairs[RECEIVE][1], m, MESSAGES, 0, NULL), MESSAGES);
	for (int i = 0; i < MESSAGES; i++) {
		LIVE_EQUAL(m[i].msg_len, sizeof(int));
		LIVE_EQUAL(numbers[i], i);
	}
	return NULL;
}

static void *sends(void *tid)
{
	struct mmsghdr m[MESSAGES];
	struct iovec v[MESSAGES];
	int numbers[MESSAGES];

	numbered(m, v, numbers);
	for (int i = 0; i < MESSAGES; i++)
		numbers[i] = i;
	live_here(tid);
	LIVE_EQUAL(sendmmsg(pairs[SEND][1], m, MESSAGES, 0), MESSAGES);
	return NULL;
}

int main(void)
{
	pid_t tids[2] = { 0 };
	pthread_t t[2];
	int number;

	for (int i = 0; i < 2; i++)
		LIVE_CHECK(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pairs[i]));
	for (int i = 0; i < BEFORE; i++)
		LIVE_EQUAL(send(pairs[RECEIVE][0], &i, sizeof(i), 0), sizeof(i));
	t[RECEIVE] = live_sleeper(receives, &tids[RECEIVE]);
	t[SEND] = live_sleeper(sends, &tids[SEND]);
	live_ready();
	for (int i = BEFORE; i < MESSAGES; i++)
		LIVE_EQUAL(send(pairs[RECEIVE][0], &i, sizeof(i), 0), sizeof(i));
	for (int i = 0; i < MESSAGES; i++) {
		LIVE_EQUAL(recv(pairs[SEND][0], &number, sizeof(number), 0), sizeof(number));
		LIVE_EQUAL(number, i);
	}
	for (int i = 0; i < 2; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	LIVE_EQUAL(recv(pairs[SEND][0], &number, sizeof(number), MSG_DONTWAIT), -1);
	return 0;
}
