/* SPDX-License-Identifier: Apache-2.0 */
/* A System V message queue: messages of several types and sizes in their order, and a reader that waits. */
#include "live.h"

#include <sys/msg.h>

struct message {
	long type;
	char text[3000];
};

static void put(int queue, long type, char fill, size_t len)
{
	struct message m = { .type = type };

	memset(m.text, fill, sizeof(m.text));
	LIVE_CHECK(!msgsnd(queue, &m, len, IPC_NOWAIT));
}

static void take(int queue, long want, long type, char fill, ssize_t len)
{
	struct message m;

	LIVE_EQUAL(msgrcv(queue, &m, sizeof(m.text), want, IPC_NOWAIT), len);
	LIVE_EQUAL(m.type, type);
	for (ssize_t i = 0; i < len; i++)
		LIVE_EQUAL(m.text[i], fill);
}

static void child(int queue, int out)
{
	struct message m;

	LIVE_EQUAL(msgrcv(queue, &m, sizeof(m.text), 9, 0), 5);
	LIVE_CHECK(write(out, m.text, 5) == 5);
	_exit(0);
}

int main(void)
{
	key_t key = (key_t)getpid() | 0x5b000000;
	int queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600), up[2];
	struct msqid_ds ds;
	char answer[5];
	pid_t pid;

	LIVE_CHECK(queue >= 0 && !pipe(up));
	LIVE_CHECK(!msgctl(queue, IPC_STAT, &ds));
	ds.msg_qbytes = 10000;
	LIVE_CHECK(!msgctl(queue, IPC_SET, &ds));
	put(queue, 1, 'a', 3000);
	put(queue, 7, 'b', 0);
	put(queue, 1, 'c', 11);
	put(queue, 2, 'd', 1);
	pid = fork();
	if (!pid)
		child(queue, up[1]);
	live_ready();
	LIVE_EQUAL(msgget(key, 0), queue);
	LIVE_CHECK(!msgctl(queue, IPC_STAT, &ds));
	LIVE_EQUAL(ds.msg_qnum, 4);
	LIVE_EQUAL(ds.msg_qbytes, 10000);
	take(queue, 7, 7, 'b', 0);
	take(queue, 0, 1, 'a', 3000);
	take(queue, 0, 1, 'c', 11);
	take(queue, 0, 2, 'd', 1);
	put(queue, 9, 'e', 5);
	LIVE_CHECK(read(up[0], answer, 5) == 5 && !memcmp(answer, "eeeee", 5));
	LIVE_CHECK(waitpid(pid, NULL, 0) == pid);
	LIVE_CHECK(!msgctl(queue, IPC_RMID, NULL));
	return 0;
}
