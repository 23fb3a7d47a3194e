/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions and groups in every shape: a group whose leader is a zombie or has gone, a session whose leader
 * has gone, an orphan in a session whose leader lives, a parent that began a session after its
 * child was born.
 */
#include "live_who.h"

#include <sys/prctl.h>

enum { MEMBERS = 7 };

static struct who all[MEMBERS];
static int n;

static void await_birth(void)
{
	LIVE_EQUAL(read(born[0], &all[n++], sizeof(*all)), sizeof(*all));
}

/* 'z', a zombie leads the group of 'm'. */
static pid_t zombie_leads(void)
{
	pid_t leader = fork(), member;
	siginfo_t info;

	if (!leader) {
		setpgid(0, 0);
		_exit(5);
	}
	setpgid(leader, leader);
	member = fork();
	if (!member) {
		setpgid(0, leader);
		live_on('m');
	}
	setpgid(member, leader);
	await_birth();
	LIVE_CHECK(!waitid(P_PID, (id_t)leader, &info, WEXITED | WNOWAIT));
	return leader;
}

/* The leader of 'g's group has gone, and been waited for. */
static void leaderless_group(void)
{
	pid_t leader = fork();

	if (!leader) {
		setpgid(0, 0);
		if (!fork())
			live_on('g');
		_exit(0);
	}
	LIVE_CHECK(waitpid(leader, NULL, 0) == leader);
	await_birth();
}

/* 's' and 't' are in a session whose leader has gone; 't' in a group of its own. */
static void leaderless_session(void)
{
	pid_t leader = fork();

	if (!leader) {
		setsid();
		if (!fork()) {
			if (!fork()) {
				setpgid(0, 0);
				live_on('t');
			}
			live_on('s');
		}
		_exit(0);
	}
	LIVE_CHECK(waitpid(leader, NULL, 0) == leader);
	await_birth();
	await_birth();
}

/* 'l' leads a session; 'o' is an orphan in it. 'b' was born before the session of its parent. */
static void orphan_in_session(void)
{
	if (!fork()) {
		pid_t between;

		if (!fork())
			live_on('b');
		setsid();
		between = fork();
		if (!between) {
			if (!fork())
				live_on('o');
			_exit(0);
		}
		waitpid(between, NULL, 0);
		live_on('l');
	}
	await_birth();
	await_birth();
	await_birth();
}

int main(void)
{
	pid_t zombie;
	int status;

	LIVE_CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	LIVE_CHECK(!pipe(end) && !pipe(born));
	zombie = zombie_leads();
	leaderless_group();
	leaderless_session();
	orphan_in_session();
	LIVE_EQUAL(n, MEMBERS);
	for (int i = 0; i < n; i++)
		all[i] = look(&all[i]);
	live_ready();
	for (int i = 0; i < n; i++) {
		struct who now = look(&all[i]);

		if (memcmp(&now, &all[i], sizeof(now)))
			live_fail("'%c': parent %d, group %d, session %d, not %d, %d, %d", now.name,
				  now.ppid, now.pgid, now.sid, all[i].ppid, all[i].pgid,
				  all[i].sid);
	}
	LIVE_EQUAL(getpgid(zombie), zombie);
	close(end[1]);
	LIVE_CHECK(waitpid(zombie, &status, 0) == zombie && WEXITSTATUS(status) == 5);
	while (wait(&status) > 0)
		LIVE_EQUAL(status, 0);
	return 0;
}
