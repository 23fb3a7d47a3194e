/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX message queues: messages by priority and age, a full queue and one who waits for room in it, an
 * empty one without a name and one who waits for a message; two descriptions of one queue; modes that forbid.
 */
#include "live.h"

#include <mqueue.h>
#include <sys/epoll.h>

enum { ROOM = 4, SIZE = 100 };

static char full_name[64], gone_name[64], shut_name[64];

static mqd_t queue(const char *name, int flags, mode_t mode)
{
	struct mq_attr attr = { .mq_maxmsg = ROOM, .mq_msgsize = SIZE };
	mqd_t q = mq_open(name, flags | O_CREAT | O_EXCL, mode, &attr);

	LIVE_CHECK(q >= 0);
	return q;
}

static void put(mqd_t q, char fill, size_t len, unsigned int priority)
{
	char text[SIZE];

	memset(text, fill, sizeof(text));
	LIVE_CHECK(!mq_send(q, text, len, priority));
}

static void take(mqd_t q, char fill, ssize_t len, unsigned int priority)
{
	unsigned int got = 0;
	char text[SIZE];

	LIVE_EQUAL(mq_receive(q, text, sizeof(text), &got), len);
	LIVE_EQUAL(got, priority);
	for (ssize_t i = 0; i < len; i++)
		LIVE_EQUAL(text[i], fill);
}

/* Waits for room in the one, and for a message in the other. */
static pid_t child(mqd_t full, mqd_t gone)
{
	pid_t pid = fork();

	LIVE_CHECK(pid >= 0);
	if (pid)
		return pid;
	if (!fork()) {
		take(gone, 'z', 7, 32767);
		put(gone, 'y', 8, 0);
		_exit(0);
	}
	put(full, 'w', 1, 5);
	LIVE_CHECK(wait(NULL) > 0);
	_exit(0);
}

static void check_attributes(mqd_t q, long flags, long messages)
{
	struct mq_attr attr;

	LIVE_CHECK(!mq_getattr(q, &attr));
	LIVE_EQUAL(attr.mq_flags, flags);
	LIVE_EQUAL(attr.mq_maxmsg, ROOM);
	LIVE_EQUAL(attr.mq_msgsize, SIZE);
	LIVE_EQUAL(attr.mq_curmsgs, messages);
}

static void check_modes(mqd_t shut, mqd_t reader)
{
	char text[SIZE];
	struct stat st;

	LIVE_CHECK(!fstat(shut, &st));
	LIVE_EQUAL(st.st_mode & 07777, 0200);
	LIVE_EQUAL(st.st_uid, geteuid());
	LIVE_CHECK(mq_receive(shut, text, sizeof(text), NULL) < 0 && errno == EBADF);
	LIVE_CHECK(mq_send(reader, text, 1, 0) < 0 && errno == EBADF);
}

static void names(void)
{
	snprintf(full_name, sizeof(full_name), "/live-full-%d", getpid());
	snprintf(gone_name, sizeof(gone_name), "/live-gone-%d", getpid());
	snprintf(shut_name, sizeof(shut_name), "/live-shut-%d", getpid());
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0), status;
	mqd_t full, gone, shut, reader, poll;
	pid_t pid;

	names();
	full = queue(full_name, O_RDWR, 0640);
	gone = queue(gone_name, O_RDWR, 0600);
	shut = queue(shut_name, O_WRONLY, 0600);
	reader = mq_open(shut_name, O_RDONLY | O_NONBLOCK);
	poll = mq_open(full_name, O_RDONLY | O_NONBLOCK);
	LIVE_CHECK(reader >= 0 && poll >= 0 && !fchmod(shut, 0200) && !mq_unlink(gone_name));
	LIVE_CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, poll, &event));
	put(full, 'a', 10, 1);
	put(full, 'b', SIZE, 7);
	put(full, 'c', 0, 1);
	put(full, 'd', 20, 7);
	put(shut, 'e', 3, 2);
	pid = child(full, gone);
	live_ready();
	check_attributes(full, 0, ROOM);
	check_attributes(poll, O_NONBLOCK, ROOM);
	check_attributes(gone, 0, 0);
	check_modes(shut, reader);
	LIVE_EQUAL(epoll_wait(epoll, &event, 1, 0), 1);
	take(poll, 'b', SIZE, 7);
	LIVE_CHECK(!kill(pid, 0));
	put(gone, 'z', 7, 32767);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	take(full, 'd', 20, 7);
	take(full, 'w', 1, 5);
	take(full, 'a', 10, 1);
	take(full, 'c', 0, 1);
	take(gone, 'y', 8, 0);
	take(reader, 'e', 3, 2);
	check_attributes(reader, O_NONBLOCK, 0);
	LIVE_CHECK(mq_open(gone_name, O_RDONLY) < 0 && errno == ENOENT);
	LIVE_CHECK(!mq_unlink(full_name) && !mq_unlink(shut_name));
	return 0;
}
