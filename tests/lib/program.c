/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/program.h"

#include "lib/box.h"
#include "lib/command.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void program_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	box_kill_all();
	exit(1);
}

struct program program_start(const char *const *argv, const char *dir, int log)
{
	struct program p = { .log = log };
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		err(1, "pipe");
	p.pid = fork();
	if (p.pid < 0)
		err(1, "fork");
	if (!p.pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		command_exec(argv, dir);
	}
	close(in[0]);
	close(out[1]);
	p.in = in[1];
	p.out = out[0];
	return p;
}

/* Its end: the wait status. */
static int await_exit(struct program *p)
{
	int status = 0;

	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void close_pipes(struct program *p)
{
	if (p->in >= 0)
		close(p->in);
	close(p->out);
	p->in = p->out = -1;
	bytes_done(&p->said);
}

/* It has ended before its time. */
static void fail_of_end(struct program *p, int status, const char *what) __attribute__((noreturn));
static void fail_of_end(struct program *p, int status, const char *what)
{
	OWNED_TEXT char *how = command_describe(status);

	close_pipes(p);
	if (WIFEXITED(status) && WEXITSTATUS(status) == PROGRAM_SKIP) {
		box_kill_all();
		exit(PROGRAM_SKIP);
	}
	program_fail("%s: ended %s", what, how);
}

void program_tell(struct program *p, char word)
{
	/* A pipe that nobody reads: it has ended, and its exit status tells more. */
	if (write(p->in, &word, 1) < 0 && errno != EPIPE)
		err(1, "tell the program");
}

/* More output into said; false at its end. */
static bool hear(struct program *p)
{
	size_t before = p->said.n;
	ssize_t n;

	do {
		n = bytes_read(&p->said, p->out);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && p->log >= 0 && write(p->log, p->said.at + before, (size_t)n) != n)
		err(1, "keep what the program says");
	return n > 0;
}

static void compile(regex_t *re, const char *pattern)
{
	char why[128];
	int rc = regcomp(re, pattern, REG_EXTENDED | REG_NEWLINE);

	if (rc) {
		regerror(rc, re, why, sizeof(why));
		program_fail("%s: %s", pattern, why);
	}
	if (strstr(pattern, "\\d"))
		program_fail("%s: not in extended regular expressions: write [0-9]", pattern);
}

/* Look into what was said; true after a match, which is taken. */
static bool take_match(struct program *p, const regex_t *re, long *number)
{
	regmatch_t m[2] = { { .rm_so = 0, .rm_eo = (regoff_t)p->said.n } };

	if (!p->said.n || regexec(re, p->said.at, 2, m, REG_STARTEND))
		return false;
	if (re->re_nsub)
		*number = strtol(p->said.at + m[1].rm_so, NULL, 10);
	bytes_drop(&p->said, (size_t)m[0].rm_eo);
	return true;
}

long program_await(struct program *p, const char *pattern, const char *what)
{
	long number = 0;
	regex_t re;

	compile(&re, pattern);
	while (!take_match(p, &re, &number))
		if (!hear(p))
			fail_of_end(p, await_exit(p), what);
	regfree(&re);
	return number;
}

void program_await_time(struct program *p, double seconds, const char *what)
{
	int64_t deadline = command_now() + (int64_t)(seconds * 1e9);
	struct pollfd fd = { .fd = p->out, .events = POLLIN };
	int left;

	while ((left = command_ms_until(deadline)) > 0)
		if (poll(&fd, 1, left) > 0 && !hear(p))
			fail_of_end(p, await_exit(p), what);
}

void program_finish(struct program *p, const char *what)
{
	int status;

	close(p->in);
	p->in = -1;
	while (hear(p))
		bytes_drop(&p->said, p->said.n);
	status = await_exit(p);
	if (status)
		fail_of_end(p, status, what);
	close_pipes(p);
}

bool program_kill(struct program *p, const char *pattern)
{
	bool matches = false;
	long number;
	regex_t re;

	kill(p->pid, SIGKILL);
	box_kill_all(); /* also what is born meanwhile: it may have the output open */
	while (hear(p))
		;
	if (pattern) {
		compile(&re, pattern);
		matches = take_match(p, &re, &number);
		regfree(&re);
	}
	close_pipes(p);
	return matches;
}
