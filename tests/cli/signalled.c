/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says its process id, then the name of each signal that comes. An empty line on its input: says "here";
 * a number: exits with it.
 */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void say_signals(int fd)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si))
		puts(sigabbrev_np((int)si.ssi_signo));
}

int main(void)
{
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
	char line[32] = "";
	sigset_t all;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fds[1].fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	printf("%d\n", getpid());
	while (poll(fds, 2, -1) >= 0) {
		if (fds[1].revents)
			say_signals(fds[1].fd);
		if (!fds[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin) || *line != '\n')
			return atoi(line);
		puts("here");
	}
	err(1, "poll");
}
