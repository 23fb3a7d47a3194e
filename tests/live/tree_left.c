/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who leaves what its children stay in: the session that they were born in, as a program that becomes a
 * daemon with helpers does, or the group that it has led. They stay its children.
 */
#include "live_who.h"

enum { MEMBERS = 9 };

static struct who all[MEMBERS];
static pid_t outer, outer_group;

static void check(const struct who *then)
{
	struct who now = look(then);

	/* What is not ours may be another one after a restart: who takes orphans, where we were started. */
	if (now.name == 'o')
		now.ppid = then->ppid;
	if (now.sid != getsid(0) && then->sid == outer)
		now.sid = then->sid;
	if (now.pgid != getpgrp() && then->pgid == outer_group)
		now.pgid = then->pgid;
	if (memcmp(&now, then, sizeof(now)))
		live_fail("'%c': parent %d, group %d, session %d, not %d, %d, %d", now.name,
			  now.ppid, now.pgid, now.sid, then->ppid, then->pgid, then->sid);
}

/* 'x' leaves its group to 'y', who has left its own to 'z'. */
static void leave_groups(void)
{
	pid_t before = getpgrp(), x;
	int there[2];
	char c;

	if (fork())
		return;
	x = getpid();
	LIVE_CHECK(!pipe(there) && !setpgid(0, 0));
	if (!fork()) {
		LIVE_CHECK(!setpgid(0, 0));
		if (!fork())
			live_on('z');
		LIVE_CHECK(!setpgid(0, x));
		LIVE_EQUAL(write(there[1], "y", 1), 1);
		live_on('y');
	}
	LIVE_EQUAL(read(there[0], &c, 1), 1);
	LIVE_CHECK(!setpgid(0, before));
	live_on('x');
}

/* In session 'l', 'o' begins its own, whose parent has ended, and leaves its child 'c' behind. */
static void leave_session(void)
{
	pid_t between;

	if (fork())
		return;
	LIVE_CHECK(setsid() == getpid());
	between = fork();
	if (!between) {
		if (fork())
			_exit(0);
		if (!fork())
			live_on('c');
		LIVE_CHECK(setsid() == getpid());
		live_on('o');
	}
	LIVE_CHECK(waitpid(between, NULL, 0) == between);
	live_on('l');
}

/* 'e' begins its own session, and leaves its child 'f' in that which we were all started in. */
static void leave_outer_session(void)
{
	if (fork())
		return;
	if (!fork())
		live_on('f');
	LIVE_CHECK(setsid() == getpid());
	live_on('e');
}

int main(void)
{
	pid_t helper;
	int status;

	outer = getsid(0);
	outer_group = getpgrp();
	LIVE_CHECK(!pipe(end) && !pipe(born));
	helper = fork();
	if (!helper)
		live_on('h');
	leave_groups();
	leave_session();
	leave_outer_session();
	for (int i = 0; i < MEMBERS; i++)
		LIVE_EQUAL(read(born[0], &all[i], sizeof(*all)), sizeof(*all));
	LIVE_CHECK(setsid() == getpid());
	for (int i = 0; i < MEMBERS; i++)
		all[i] = look(&all[i]);
	live_ready();
	LIVE_EQUAL(getsid(0), getpid());
	for (int i = 0; i < MEMBERS; i++)
		check(&all[i]);
	close(end[1]);
	LIVE_CHECK(waitpid(helper, &status, 0) == helper && status == 0);
	while (wait(&status) > 0)
		LIVE_EQUAL(status, 0);
	return 0;
}
