/* SPDX-License-Identifier: Apache-2.0 */
/* Children of clone(2) that tell their end by another signal than SIGCHLD, or by none: alive, and ended. */
#include "live.h"

#include <linux/sched.h>
#include <sys/prctl.h>

static volatile sig_atomic_t told;

static void on_end(int sig)
{
	(void)sig;
	told++;
}

static pid_t child(int exit_signal, bool ends)
{
	struct clone_args args = { .exit_signal = (unsigned int)exit_signal };
	siginfo_t info;
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	LIVE_CHECK(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!pid && !ends)
		for (;;)
			pause(); /* until it is killed, or its parent has ended */
	if (!pid)
		_exit(exit_signal + 1);
	if (ends)
		LIVE_CHECK(!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL));
	return (pid_t)pid;
}

static void ended(pid_t pid, int want)
{
	int status;

	LIVE_EQUAL(waitpid(pid, &status, __WALL), pid);
	LIVE_EQUAL(status, want);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_end, .sa_flags = SA_RESTART };
	pid_t silent, silent_ended, usr, usr_ended;
	int status;

	LIVE_CHECK(!sigaction(SIGUSR1, &sa, NULL) && !sigaction(SIGCHLD, &sa, NULL));
	silent = child(0, false);
	silent_ended = child(0, true);
	usr = child(SIGUSR1, false);
	usr_ended = child(SIGUSR1, true);
	LIVE_EQUAL(told, 1);

	live_ready();

	LIVE_EQUAL(told, 1);
	/* None of them is a child to a wait that does not ask for such ones. */
	LIVE_CHECK(waitpid(usr_ended, &status, WNOHANG) < 0 && errno == ECHILD);
	ended(silent_ended, 1 << 8);
	ended(usr_ended, (SIGUSR1 + 1) << 8);
	LIVE_CHECK(!kill(silent, SIGKILL));
	ended(silent, SIGKILL);
	LIVE_EQUAL(told, 1);
	LIVE_CHECK(!kill(usr, SIGKILL));
	ended(usr, SIGKILL);
	LIVE_EQUAL(told, 2);
	return 0;
}
