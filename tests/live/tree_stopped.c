/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that job control has stopped, and one that has gone on: what their parent has waited for it does
 * not hear of again, and what it has not waited for it still can, with the signal that it was.
 */
#include "live.h"

#include <sys/prctl.h>

enum { THREADS = 3 };

static int born[2];
static sigset_t child;

static void *sleeps(void *none)
{
	for (;;)
		pause();
	return none;
}

/* In a group of its own, as a shell does it: so it stops for any signal. */
static pid_t begin(int threads)
{
	pid_t pid = fork();
	char c = 0;

	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < threads; i++)
			live_thread(sleeps, NULL);
		LIVE_EQUAL(write(born[1], &c, 1), 1);
		sleeps(NULL);
	}
	LIVE_EQUAL(read(born[0], &c, 1), 1);
	return pid;
}

/* Send @sig and hear of it, by SIGCHLD alone. */
static void send(pid_t pid, int sig, int code)
{
	siginfo_t info = { 0 };

	kill(pid, sig);
	LIVE_EQUAL(sigwaitinfo(&child, &info), SIGCHLD);
	LIVE_CHECK(info.si_pid == pid && info.si_code == code);
}

static void wait_for(pid_t pid, int options)
{
	siginfo_t info = { 0 };

	LIVE_CHECK(!waitid(P_PID, (id_t)pid, &info, options | WNOHANG));
	LIVE_EQUAL(info.si_pid, pid);
}

/* What there is to hear: @code and @status, or nothing at all. */
static void check_news(pid_t pid, int code, int status)
{
	siginfo_t info = { 0 };

	LIVE_CHECK(!waitid(P_PID, (id_t)pid, &info,
			   WSTOPPED | WCONTINUED | WEXITED | WNOHANG | WNOWAIT));
	LIVE_EQUAL(info.si_code, code);
	LIVE_EQUAL(info.si_status, status);
}

/* A stopped one whose own child has stopped, unnoticed; it says how that is when it goes on. */
static pid_t begin_two(void)
{
	pid_t pid = fork();
	char c = 0;

	if (!pid) {
		int up = born[1];
		pid_t below;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		LIVE_CHECK(!pipe(born));
		send(below = begin(0), SIGTTIN, CLD_STOPPED);
		LIVE_EQUAL(write(up, &c, 1), 1);
		raise(SIGSTOP);
		check_news(below, CLD_STOPPED, SIGTTIN);
		kill(below, SIGKILL);
		LIVE_EQUAL(sigwaitinfo(&child, NULL), SIGCHLD);
		_exit(17);
	}
	LIVE_EQUAL(read(born[0], &c, 1), 1);
	LIVE_EQUAL(sigwaitinfo(&child, NULL), SIGCHLD);
	return pid;
}

int main(void)
{
	static const struct timespec now = { 0 };
	pid_t told, threads, untold, on, threads_on, two, heard, last;
	siginfo_t info = { 0 };
	sigset_t pending;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	LIVE_CHECK(!sigprocmask(SIG_BLOCK, &child, NULL) && !pipe(born));
	send(told = begin(0), SIGSTOP, CLD_STOPPED);
	send(threads = begin(THREADS), SIGTSTP, CLD_STOPPED);
	wait_for(told, WSTOPPED);
	wait_for(threads, WSTOPPED);
	send(untold = begin(0), SIGTSTP, CLD_STOPPED);
	send(on = begin(0), SIGSTOP, CLD_STOPPED);
	send(on, SIGCONT, CLD_CONTINUED);
	send(threads_on = begin(THREADS), SIGTSTP, CLD_STOPPED);
	send(threads_on, SIGCONT, CLD_CONTINUED);
	send(heard = begin(0), SIGSTOP, CLD_STOPPED);
	send(heard, SIGCONT, CLD_CONTINUED);
	wait_for(heard, WCONTINUED);
	two = begin_two();
	wait_for(two, WSTOPPED);
	/* One whose SIGCHLD is still to come. */
	last = begin(THREADS);
	kill(last, SIGTTOU);
	do {
		LIVE_CHECK(!sigpending(&pending));
	} while (!sigismember(&pending, SIGCHLD));
	live_ready();
	LIVE_EQUAL(sigtimedwait(&child, &info, &now), SIGCHLD);
	LIVE_CHECK(info.si_pid == last && info.si_code == CLD_STOPPED);
	LIVE_EQUAL(sigtimedwait(&child, &info, &now), -1);
	check_news(told, 0, 0);
	check_news(threads, 0, 0);
	check_news(untold, CLD_STOPPED, SIGTSTP);
	check_news(on, CLD_CONTINUED, SIGCONT);
	check_news(threads_on, CLD_CONTINUED, SIGCONT);
	check_news(heard, 0, 0);
	check_news(two, 0, 0);
	check_news(last, CLD_STOPPED, SIGTTOU);
	kill(two, SIGCONT);
	LIVE_EQUAL(waitpid(two, &status, 0), two);
	LIVE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 17);
	LIVE_EQUAL(sigwaitinfo(&child, NULL), SIGCHLD); /* of its end */
	send(threads, SIGCONT, CLD_CONTINUED);
	return 0;
}
