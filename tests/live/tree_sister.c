/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that were made by another child (CLONE_PARENT), in a session which that one had begun: it lives;
 * it has ended, and left an orphan too; it is the child of one that leads a session as well. And children
 * that have ended, many at once.
 */
#include "live_who.h"

enum { MEMBERS = 7, ENDED = 30 };

static struct who all[MEMBERS];
static pid_t ended[ENDED];

/* Begins a session, and makes @name there beside itself. */
static void begin_session_with(char name)
{
	LIVE_CHECK(setsid() == getpid());
	if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0)
		live_on(name);
}

/* Both live. */
static void sisters(char leader, char sister)
{
	if (fork())
		return;
	begin_session_with(sister);
	live_on(leader);
}

/* The one that has begun the session has gone, and @orphan, a child of its own, with nobody. */
static void left_alone(char sister, char orphan)
{
	pid_t leader = fork();

	if (!leader) {
		begin_session_with(sister);
		if (!fork())
			live_on(orphan);
		_exit(0);
	}
	LIVE_CHECK(waitpid(leader, NULL, 0) == leader);
}

/* 'p' leads a session itself, and has both as children. */
static void led(void)
{
	if (fork())
		return;
	LIVE_CHECK(setsid() == getpid());
	sisters('a', 'b');
	live_on('p');
}

/* As the last: a sister that has ended, alone in its session. */
static pid_t ended_alone(void)
{
	siginfo_t info;
	pid_t leader = fork();

	if (!leader) {
		LIVE_CHECK(setsid() == getpid());
		_exit(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0 ? 3 : 0);
	}
	LIVE_CHECK(waitpid(leader, NULL, 0) == leader);
	LIVE_CHECK(!waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
	return info.si_pid;
}

static void many_end(pid_t pids[ENDED])
{
	siginfo_t info;

	pids[0] = ended_alone();
	for (int i = 1; i < ENDED; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(3);
		LIVE_CHECK(!waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT));
	}
}

static void check_member(const struct who *then)
{
	struct who now = look(then);

	if (now.name == 'o') /* who takes orphans where we were started */
		now.ppid = then->ppid;
	if (memcmp(&now, then, sizeof(now)))
		live_fail("'%c': parent %d, group %d, session %d, not %d, %d, %d", now.name,
			  now.ppid, now.pgid, now.sid, then->ppid, then->pgid, then->sid);
}

int main(void)
{
	pid_t session;
	int status;

	LIVE_CHECK(!pipe(end) && !pipe(born));
	many_end(ended);
	session = getsid(ended[0]);
	sisters('l', 's');
	left_alone('e', 'o');
	led();
	for (int i = 0; i < MEMBERS; i++)
		LIVE_EQUAL(read(born[0], &all[i], sizeof(*all)), sizeof(*all));
	for (int i = 0; i < MEMBERS; i++)
		all[i] = look(&all[i]);
	live_ready();
	for (int i = 0; i < MEMBERS; i++)
		check_member(&all[i]);
	LIVE_EQUAL(getsid(ended[0]), session);
	for (int i = 0; i < ENDED; i++) {
		LIVE_EQUAL(waitpid(ended[i], &status, WNOHANG), ended[i]);
		LIVE_EQUAL(WEXITSTATUS(status), 3);
	}
	close(end[1]);
	while (wait(&status) > 0)
		LIVE_EQUAL(status, 0);
	return 0;
}
