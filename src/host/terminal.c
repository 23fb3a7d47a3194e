/* SPDX-License-Identifier: Apache-2.0 */
#include "host/terminal.h"
#include "base/owned.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int terminal_open(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

pid_t terminal_foreground(void)
{
	OWNED_FD int fd = terminal_open();

	return fd < 0 ? -1 : tcgetpgrp(fd);
}

bool terminal_is_ours(void)
{
	return terminal_foreground() == getpgrp();
}

void terminal_give(pid_t group)
{
	OWNED_FD int fd = terminal_open();
	sigset_t ttou, before;

	if (fd < 0)
		return;
	/* From the background this stops a process that does not block it. */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	tcsetpgrp(fd, group);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void terminal_stop_self(int signo, terminal_over_fn *over, const void *data)
{
	struct sigaction old, plain = { .sa_handler = SIG_DFL };
	sigset_t set, before, pending;

	sigaction(signo, &plain, &old);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_BLOCK, &set, &before);
	/* Sent while blocked, it takes effect when it is let through: here, and not somewhere later. */
	sigpending(&pending);
	if (!sigismember(&pending, SIGCONT)) /* else it would be lost, and we stopped for good */
		sys3(__NR_tgkill, getpid(), gettid(), signo);
	/*
	 * A SIGCONT from here on takes it out of the queue; it has taken out one from before. That came to
	 * the program first, which is younger (see signals_for_group).
	 */
	if (over(data)) {
		signal(signo, SIG_IGN);
		signal(signo, SIG_DFL);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(signo, &old, NULL);
}
