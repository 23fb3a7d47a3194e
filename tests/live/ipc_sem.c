/* SPDX-License-Identifier: Apache-2.0 */
/* System V semaphores: values, who changed them last, and what is undone when a process ends. */
#include "live.h"

#include <sys/sem.h>

enum { UP, DOWN, LARGE, PLAIN, MANY = 150 };

static int set;

static void op(int num, int change, int flags)
{
	struct sembuf s = { (unsigned short)num, (short)change, (short)flags };

	LIVE_CHECK(!semop(set, &s, 1));
}

/* Waits in a semop for more than there is, until it is told how many there are. */
static void child(void)
{
	op(UP, 3, SEM_UNDO);
	op(DOWN, -7, SEM_UNDO);
	op(LARGE, -30000, SEM_UNDO);
	op(MANY - 1, 1, 0);
	op(PLAIN, -100, 0);
	_exit(0);
}

int main(void)
{
	int status;
	pid_t pid;

	set = semget(IPC_PRIVATE, MANY, 0600);
	LIVE_CHECK(set >= 0);
	LIVE_CHECK(!semctl(set, DOWN, SETVAL, 10));
	LIVE_CHECK(!semctl(set, LARGE, SETVAL, 32767));
	op(PLAIN, 1, 0);
	pid = fork();
	if (!pid)
		child();
	op(MANY - 1, -1, 0);
	while (semctl(set, PLAIN, GETNCNT) != 1)
		sched_yield();
	live_ready();
	LIVE_EQUAL(semctl(set, UP, GETVAL), 3);
	LIVE_EQUAL(semctl(set, DOWN, GETVAL), 3);
	LIVE_EQUAL(semctl(set, LARGE, GETVAL), 2767);
	LIVE_EQUAL(semctl(set, PLAIN, GETVAL), 1);
	LIVE_EQUAL(semctl(set, PLAIN, GETPID), getpid());
	LIVE_EQUAL(semctl(set, DOWN, GETPID), pid);
	LIVE_EQUAL(semctl(set, LARGE, GETPID), pid);
	while (semctl(set, PLAIN, GETNCNT) != 1)
		sched_yield();
	op(PLAIN, 99, 0);
	LIVE_CHECK(waitpid(pid, &status, 0) == pid);
	LIVE_CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	LIVE_EQUAL(semctl(set, UP, GETVAL), 0);
	LIVE_EQUAL(semctl(set, DOWN, GETVAL), 10);
	LIVE_EQUAL(semctl(set, LARGE, GETVAL), 32767);
	LIVE_EQUAL(semctl(set, PLAIN, GETVAL), 0);
	LIVE_CHECK(!semctl(set, 0, IPC_RMID));
	return 0;
}
