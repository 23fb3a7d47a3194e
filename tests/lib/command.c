/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/command.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t command_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int command_ms_until(int64_t deadline)
{
	int64_t left = (deadline - command_now() + 999999) / 1000000;

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void command_exec(const char *const *argv, const char *dir)
{
	sigset_t none;

	/* Whoever started us: what a script runs with & ignores SIGINT and SIGQUIT, under nohup SIGHUP. */
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (dir && chdir(dir)) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		_exit(COMMAND_ABSENT);
	}
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(COMMAND_ABSENT);
}

/* Read until the end of what is said; false at the deadline. */
static bool listen_until(int fd, struct bytes *said, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int n = poll(&p, 1, deadline ? command_ms_until(deadline) : -1);

		if (n == 0)
			return false;
		if (n > 0 && bytes_read(said, fd) <= 0)
			return true;
	}
}

static pid_t start_quietly(const char *const *argv, const char *dir, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	command_exec(argv, dir);
}

int command_run(const char *const *argv, const char *dir, unsigned int seconds, struct bytes *said)
{
	int64_t deadline = seconds ? command_now() + seconds * INT64_C(1000000000) : 0;
	struct bytes lost = { 0 };
	int ends[2], status = -1;
	bool ended;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		err(1, "pipe");
	pid = start_quietly(argv, dir, ends[1]);
	if (pid < 0)
		err(1, "fork");
	close(ends[1]);
	ended = listen_until(ends[0], said ? said : &lost, deadline);
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(ends[0]);
	bytes_done(&lost);
	return ended ? status : -1;
}

void command_remove(const char *path)
{
	const char *const argv[] = { "rm", "-rf", "--", path, NULL };

	command_run(argv, NULL, 0, NULL);
}

char *command_describe(int status)
{
	if (WIFSIGNALED(status))
		return bytes_format("by signal %d", WTERMSIG(status));
	return bytes_format("with exit status %d", WEXITSTATUS(status));
}
