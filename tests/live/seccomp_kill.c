/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that its filter kills if it does nearly anything, as who looks at untrusted data has it: what a
 * checkpoint and a restart do in it must not be taken for its own. A child of its own has inherited that.
 * Both still die of it afterwards.
 */
#include "live_seccomp.h"

#include <grp.h>

static int ask[2], answer[2];

static void raw_write(char c)
{
	if (syscall(SYS_write, answer[1], &c, 1) != 1)
		syscall(SYS_exit_group, 9);
}

/* Echo, until it is told to do what kills it. */
static void serve(void)
{
	char c;

	while (syscall(SYS_read, ask[0], &c, 1) == 1 && c != '!')
		raw_write(c);
	if (c == '!')
		syscall(SYS_getppid);
	syscall(SYS_exit_group, 7);
}

static void confine(void)
{
	static const long allowed[] = { SYS_read, SYS_write, SYS_exit_group, SYS_clone };

	LIVE_CHECK(!setgroups(0, NULL));
	LIVE_EQUAL(live_filter(0, (const long[]){ SYS_ptrace }, 1, SECCOMP_RET_KILL_PROCESS,
			       SECCOMP_RET_ALLOW),
		   0);
	LIVE_EQUAL(live_filter(SECCOMP_FILTER_FLAG_LOG, (const long[]){ SYS_statx }, 1,
			       SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW),
		   0);
	/* From here on it could put no filter on any more. */
	LIVE_CHECK(!setresgid(1000, 1000, 1000) && !setresuid(1000, 1000, 1000));
	LIVE_CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	LIVE_EQUAL(live_filter(0, allowed, 4, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS), 0);
}

static void echo(char c)
{
	char back = 0;

	LIVE_CHECK(write(ask[1], &c, 1) == 1);
	LIVE_CHECK(read(answer[0], &back, 1) == 1);
	LIVE_EQUAL(back, c);
}

/* Each reads one of the two. The child's child is ours when the child has died. */
static void must_die(void)
{
	int status;

	LIVE_CHECK(write(ask[1], "!!", 2) == 2);
	for (int i = 0; i < 2; i++) {
		LIVE_CHECK(waitpid(-1, &status, 0) > 0);
		LIVE_CHECK(WIFSIGNALED(status));
		LIVE_EQUAL(WTERMSIG(status), SIGSYS);
	}
}

int main(void)
{
	static struct live_chain before, now;
	pid_t child;

	live_needs_seccomp();
	LIVE_CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	LIVE_CHECK(!pipe2(ask, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC));
	child = fork();
	if (child == 0) {
		close(ask[1]); /* so that it ends if the test does */
		confine();
		if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
			serve();
		raw_write('.');
		serve();
	}
	LIVE_CHECK(read(answer[0], &(char){ 0 }, 1) == 1);
	echo('a');
	live_chain(child, child, &before);
	LIVE_EQUAL(before.n, 3);
	LIVE_EQUAL(before.at[1].flags, SECCOMP_FILTER_FLAG_LOG);
	live_ready();
	live_chain(child, child, &now);
	live_same_chain(&before, &now);
	echo('b');
	must_die();
	return 0;
}
