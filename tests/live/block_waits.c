/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that wait for children, for locks, and for System V queues and sets: each until it comes. */
#include "live_proc.h"

#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>

struct wait {
	long (*call)(void);
	long result;
	int error;
	pid_t tid;
};

struct message {
	long type;
	char text[4096];
};

enum { STATUS = 11 };

static int sems, queue, full;
static pid_t by_pid, by_id;

static long wait_pid(void)
{
	int status;

	return waitpid(by_pid, &status, 0) == by_pid ? WEXITSTATUS(status) : -1;
}

static long wait_id(void)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)by_id, &info, WEXITED) ? -1 : info.si_status;
}

static int open_lock(void)
{
	int fd = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	LIVE_CHECK(fd >= 0);
	return fd;
}

static long lock_all(void)
{
	return flock(open_lock(), LOCK_EX);
}

static long lock_part(void)
{
	struct flock part = { .l_type = F_WRLCK, .l_len = 10 };

	return fcntl(open_lock(), F_OFD_SETLKW, &part);
}

static long take(void)
{
	struct sembuf op = { 0, -1, 0 };

	return semop(sems, &op, 1);
}

static long take_in_time(void)
{
	const struct timespec limit = { .tv_sec = 1 };
	struct sembuf op = { 1, -1, 0 };

	return semtimedop(sems, &op, 1, &limit);
}

static long receive(void)
{
	struct message m;

	return msgrcv(queue, &m, sizeof(m.text), 5, 0);
}

static long put(void)
{
	static const struct message m = { .type = 9 };

	return msgsnd(full, &m, sizeof(m.text), 0);
}

static struct wait waits[] = {
	{ wait_pid, STATUS, 0, 0 }, { wait_id, STATUS, 0, 0 }, { lock_all, 0, 0, 0 },
	{ lock_part, 0, 0, 0 },	    { take, 0, 0, 0 },	       { take_in_time, -1, EAGAIN, 0 },
	{ receive, 3, 0, 0 },	    { put, 0, 0, 0 },
};

enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

static void *run(void *arg)
{
	struct wait *w = arg;
	long result;

	live_here(&w->tid);
	result = w->call();
	if (result != w->result || (result < 0 && errno != w->error))
		live_fail("wait %td: %ld, errno %d", w - waits, result, errno);
	return NULL;
}

static pid_t begin(const int until[2])
{
	pid_t pid = fork();
	char c;

	if (!pid) {
		close(until[1]);
		_exit(read(until[0], &c, 1) ? 1 : STATUS);
	}
	return pid;
}

int main(void)
{
	struct flock part = { .l_type = F_WRLCK, .l_len = 10 };
	struct message m = { .type = 9 };
	struct sembuf op = { 0, 1, 0 };
	pthread_t threads[WAITS];
	int until[2], whole = open_lock(), some = open_lock();

	LIVE_CHECK(!pipe(until));
	by_pid = begin(until);
	by_id = begin(until);
	sems = semget(IPC_PRIVATE, 2, 0600 | IPC_CREAT);
	queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
	full = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
	LIVE_CHECK(sems >= 0 && queue >= 0 && full >= 0);
	while (!msgsnd(full, &m, sizeof(m.text), IPC_NOWAIT))
		;
	LIVE_CHECK(!flock(whole, LOCK_EX) && !fcntl(some, F_OFD_SETLK, &part));
	for (int i = 0; i < WAITS; i++) {
		threads[i] = live_thread(run, &waits[i]);
		live_await_thread(&waits[i].tid);
	}
	live_ready();
	close(until[1]);
	part.l_type = F_UNLCK;
	LIVE_CHECK(!flock(whole, LOCK_UN) && !fcntl(some, F_OFD_SETLK, &part));
	LIVE_CHECK(!semop(sems, &op, 1));
	m.type = 5;
	LIVE_CHECK(!msgsnd(queue, &m, 3, 0));
	LIVE_CHECK(msgrcv(full, &m, sizeof(m.text), 0, 0) >= 0);
	for (int i = 0; i < WAITS; i++)
		LIVE_CHECK(!pthread_join(threads[i], NULL));
	LIVE_CHECK(!semctl(sems, 0, IPC_RMID) && !msgctl(queue, IPC_RMID, NULL));
	LIVE_CHECK(!msgctl(full, IPC_RMID, NULL));
	return 0;
}
