/* SPDX-License-Identifier: Apache-2.0 */
/* A process in strict mode may read, write and exit, and dies of anything else: so it is before and after. */
#include "live_seccomp.h"

static int ask[2], answer[2];

static void serve(void)
{
	char c;

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		syscall(SYS_exit, 8);
	while (syscall(SYS_read, ask[0], &c, 1) == 1 && c != '!')
		if (syscall(SYS_write, answer[1], &c, 1) != 1)
			syscall(SYS_exit, 9);
	if (c == '!')
		syscall(SYS_getppid);
	syscall(SYS_exit, 7);
}

static void echo(char c)
{
	char back = 0;

	LIVE_CHECK(write(ask[1], &c, 1) == 1);
	LIVE_CHECK(read(answer[0], &back, 1) == 1);
	LIVE_EQUAL(back, c);
}

int main(void)
{
	static struct live_chain before, now;
	pid_t child;
	int status;

	live_needs_seccomp();
	LIVE_CHECK(!pipe2(ask, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC));
	child = fork();
	if (child == 0) {
		close(ask[1]); /* so that it ends if the test does */
		serve();
	}
	echo('a');
	live_chain(child, child, &before);
	live_ready();
	live_chain(child, child, &now);
	live_same_chain(&before, &now);
	echo('b');
	LIVE_CHECK(write(ask[1], "!", 1) == 1);
	LIVE_CHECK(waitpid(child, &status, 0) == child);
	LIVE_CHECK(WIFSIGNALED(status));
	LIVE_EQUAL(WTERMSIG(status), SIGKILL);
	return 0;
}
