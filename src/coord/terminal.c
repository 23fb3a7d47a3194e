/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/terminal.h"
#include "base/owned.h"
#include "host/proc.h"

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

	if (fd >= 0)
		tcsetpgrp(fd, group);
}

static bool terminal_stands(pid_t pid)
{
	char state = proc_state(pid);

	return state == 'T' || state == 't';
}

void terminal_stop_self(int signo, pid_t program)
{
	struct sigaction old, plain = { .sa_handler = SIG_DFL };
	sigset_t set, before;

	sigaction(signo, &plain, &old);
	sigemptyset(&set);
	sigaddset(&set, signo);
	/* Sent while blocked, it takes effect when it is let through: here, and not somewhere later. */
	sigpending(&before);
	if (!sigismember(&before, SIGCONT)) /* else it would be lost, and we stopped for good */
		sys3(__NR_tgkill, getpid(), gettid(), signo);
	/*
	 * A SIGCONT from here on takes it out of the queue; it has taken out one from before. That came to
	 * the program first, which is younger (see signals_for_group).
	 */
	if (!terminal_stands(program)) {
		signal(signo, SIG_IGN);
		signal(signo, SIG_DFL);
	}
	sigprocmask(SIG_UNBLOCK, &set, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(signo, &old, NULL);
}
