/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orphans of a session whose leader has become a subreaper: of one from before it does not become the parent,
 * of one from later, and of one from a session below, it does.
 */
#include "live_who.h"

#include <sys/prctl.h>

enum { MEMBERS = 5 };

static struct who all[MEMBERS];

/* @name, by a child that ends. */
static void orphan(char name)
{
	pid_t between = fork();

	if (between) {
		LIVE_CHECK(waitpid(between, NULL, 0) == between);
		return;
	}
	if (fork())
		_exit(0);
	live_on(name);
}

static void lead(void)
{
	if (fork())
		return;
	LIVE_CHECK(setsid() == getpid());
	orphan('b');
	LIVE_CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	orphan('l');
	if (!fork()) {
		LIVE_CHECK(setsid() == getpid());
		orphan('d');
		live_on('m');
	}
	live_on('s');
}

static const struct who *find(int name)
{
	for (int i = 0; i < MEMBERS; i++)
		if (all[i].name == name)
			return &all[i];
	live_fail("no '%c'", name);
}

int main(void)
{
	const struct who *leader;
	int status;

	LIVE_CHECK(!pipe(end) && !pipe(born));
	lead();
	for (int i = 0; i < MEMBERS; i++)
		LIVE_EQUAL(read(born[0], &all[i], sizeof(*all)), sizeof(*all));
	live_ready();
	leader = find('s');
	for (int i = 0; i < MEMBERS; i++) {
		struct who now = look(&all[i]);

		LIVE_EQUAL(now.ppid == leader->pid, now.name != 'b' && now.name != 's');
		LIVE_EQUAL(now.sid, strchr("dm", now.name) ? find('m')->pid : leader->pid);
	}
	close(end[1]);
	while (wait(&status) > 0)
		LIVE_EQUAL(status, 0);
	return 0;
}
