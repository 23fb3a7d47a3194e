/* SPDX-License-Identifier: Apache-2.0 */
/* Children that have ended and wait to be waited for: their statuses, and no second SIGCHLD. */
#include "live.h"

static volatile sig_atomic_t children;

static void on_child(int sig)
{
	(void)sig;
	children++;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_child, .sa_flags = SA_RESTART };
	siginfo_t info;
	pid_t exits, killed;
	int status;

	LIVE_CHECK(!sigaction(SIGCHLD, &sa, NULL));
	exits = fork();
	if (!exits)
		_exit(9);
	LIVE_CHECK(!waitid(P_PID, (id_t)exits, &info, WEXITED | WNOWAIT));
	killed = fork();
	if (!killed)
		for (;;)
			pause();
	kill(killed, SIGKILL);
	LIVE_CHECK(!waitid(P_PID, (id_t)killed, &info, WEXITED | WNOWAIT));
	children = 0;
	live_ready();
	LIVE_EQUAL(children, 0);
	LIVE_EQUAL(waitpid(exits, &status, 0), exits);
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
	LIVE_EQUAL(waitpid(killed, &status, 0), killed);
	LIVE_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	LIVE_CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
	return 0;
}
