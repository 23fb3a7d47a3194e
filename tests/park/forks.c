/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that fork, vfork, spawn, wait: every child is there once, with its own status; no other child
 * and no other SIGCHLD turns up.
 */
#include "park_test.h"

#include <spawn.h>
#include <sys/resource.h>

extern char **environ;

static void one_fork(int code)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(code);
	EXPECT(child > 0);
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

static void one_vfork(int code)
{
	int status;
	pid_t child = vfork();

	if (child == 0)
		_exit(code);
	EXPECT(child > 0);
	EXPECT(waitpid(-1, &status, 0) == child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

static void one_spawn(void)
{
	char *argv[] = { "true", NULL };
	pid_t child;
	int status;

	EXPECT(!posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ));
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT(status == 0);
}

static void behave(struct shared *s)
{
	for (int i = 0; !s->stop; i++) {
		if (i % 3 == 0)
			one_fork(i & 0x7f);
		else if (i % 3 == 1)
			one_vfork(i & 0x7f);
		else
			one_spawn();
		EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD);
		s->rounds++;
	}
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parks = 500 });
}
