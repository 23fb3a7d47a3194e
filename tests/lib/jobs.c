/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/jobs.h"

#include "lib/box.h"
#include "lib/command.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	JOBS_SHOWN = 150, /* lines of a failed test */
	JOBS_KEPT = 1 << 20, /* bytes of what a test says */
	JOBS_SKIP = 77,
};

void jobs_init(struct jobs *j, unsigned int max, bool verbose)
{
	sigset_t set;

	*j = (struct jobs){ .max = max, .verbose = verbose };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	j->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (j->signals < 0)
		err(1, "signalfd");
}

void jobs_done(struct jobs *j)
{
	close(j->signals);
	bytes_done(&j->failures);
	bytes_done(&j->skips);
}

/* In the box's process: run the test. */
static void run_box(const struct job *job, int out) __attribute__((noreturn));
static void run_box(const struct job *job, int out)
{
	const struct account *a = job->account;
	const struct kind *kind = job->test->kind;
	OWNED_TEXT char *path =
		bytes_format("%s/%s", kind->in_place ? a->top : a->tree, job->test->path);
	OWNED_TEXT char *drive = bytes_format("%s/build/tests/drive", a->tree);
	const char *const driven[] = { drive, "live", path, NULL };
	struct box box = {
		.argv = kind->driven ? driven : driven + 2,
		.dir = job->room,
		.user = a->user,
		.seconds = kind->seconds,
	};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), code;

	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A program killed with its System V objects leaves them behind: in a place that goes with it. */
	unshare(CLONE_NEWIPC);
	account_environment(a, job->room);
	code = box_run(&box);
	fflush(stdout);
	_exit(code);
}

static void start(struct jobs *j, const struct test *test, const struct account *account)
{
	struct job *job = &j->job[j->n];
	int out[2];

	*job = (struct job){ .test = test, .account = account, .began = command_now() };
	job->room = account_room(account, test);
	if (pipe2(out, O_CLOEXEC) || fcntl(out[0], F_SETFL, O_NONBLOCK))
		err(1, "pipe");
	fflush(NULL); /* else the box would say it again */
	job->pid = fork();
	if (job->pid < 0)
		err(1, "fork");
	if (!job->pid)
		run_box(job, out[1]);
	close(out[1]);
	job->out = out[0];
	job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	if (job->pidfd < 0)
		err(1, "pidfd_open");
	j->n++;
}

/* What it says, as far as it has said it; false at the end of it. */
static bool hear(struct job *job)
{
	ssize_t n = bytes_read(&job->said, job->out);

	if (job->said.n > 2 * JOBS_KEPT)
		bytes_drop(&job->said, job->said.n - JOBS_KEPT);
	return n > 0;
}

static void say_lines(struct bytes *said)
{
	char *line;

	bytes_keep_lines(said, JOBS_SHOWN);
	while ((line = bytes_take_line(said))) {
		printf("    | %s\n", line);
		free(line);
	}
}

static char *last_line(const struct bytes *said)
{
	struct bytes copy = { 0 };

	bytes_add(&copy, said->n ? said->at : "no reason given", said->n ? said->n : 15);
	bytes_keep_lines(&copy, 1);
	char *line = bytes_take_line(&copy);

	bytes_done(&copy);
	return line;
}

static void note(struct bytes *list, const char *line)
{
	bytes_add(list, "  ", 2);
	bytes_add(list, line, strlen(line));
	bytes_add(list, "\n", 1);
}

static void tell(struct jobs *j, struct job *job, int status)
{
	double seconds = (double)(command_now() - job->began) / 1e9;
	bool ok = status == 0, skip = WIFEXITED(status) && WEXITSTATUS(status) == JOBS_SKIP;
	bool both = job->test->kind->both;
	OWNED_TEXT char *name = bytes_format("%s%s%s%s", job->test->name, both ? " [" : "",
					     both ? job->account->name : "", both ? "]" : "");
	OWNED_TEXT char *reason = skip ? last_line(&job->said) : NULL;
	OWNED_TEXT char *head = bytes_format("%-4s %s %.1f s%s%s",
					     ok	    ? "ok"
					     : skip ? "skip"
						    : "FAIL",
					     name, seconds, skip ? ": " : "", skip ? reason : "");

	puts(head);
	if (ok) {
		j->passed++;
	} else if (skip) {
		j->skipped++;
		note(&j->skips, head);
	} else {
		j->failed++;
		note(&j->failures, name);
	}
	if (j->verbose || (!ok && !skip))
		say_lines(&job->said);
	fflush(stdout);
}

/* Its box has ended. Its place is taken by the last of those that run. */
static void end(struct jobs *j, struct job *job)
{
	int status = 1;

	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	while (hear(job))
		;
	tell(j, job, status);
	command_remove(job->room);
	close(job->out);
	close(job->pidfd);
	bytes_done(&job->said);
	free(job->room);
	*job = j->job[--j->n];
}

static void stop(struct jobs *j)
{
	struct signalfd_siginfo info;

	while (read(j->signals, &info, sizeof(info)) > 0)
		;
	j->stopped = true;
	for (size_t i = 0; i < j->n; i++)
		kill(j->job[i].pid, SIGTERM);
}

/* Until something has happened, and deal with it. */
static void wait_some(struct jobs *j)
{
	struct pollfd p[1 + 2 * JOBS_MAX] = { { .fd = j->signals, .events = POLLIN } };
	size_t n = j->n;

	for (size_t i = 0; i < n; i++) {
		p[1 + 2 * i] = (struct pollfd){ .fd = j->job[i].out, .events = POLLIN };
		p[2 + 2 * i] = (struct pollfd){ .fd = j->job[i].pidfd, .events = POLLIN };
	}
	if (poll(p, 1 + 2 * n, -1) < 0)
		return;
	if (p[0].revents)
		stop(j);
	while (n-- > 0) { /* from behind: end() moves the last one */
		if (p[1 + 2 * n].revents & POLLIN)
			hear(&j->job[n]);
		if (p[2 + 2 * n].revents)
			end(j, &j->job[n]);
	}
}

void jobs_add(struct jobs *j, const struct test *test, const struct account *account)
{
	while (j->n == j->max && !j->stopped)
		wait_some(j);
	if (!j->stopped)
		start(j, test, account);
}

void jobs_finish(struct jobs *j)
{
	while (j->n)
		wait_some(j);
}

bool jobs_report(const struct jobs *j)
{
	if (j->skips.n)
		printf("\nSkipped:\n%s", j->skips.at);
	if (j->failures.n)
		printf("\nFailed:\n%s", j->failures.at);
	if (j->stopped)
		printf("\nStopped by a signal: not all tests have run.\n");
	printf("%u passed, %u failed, %u skipped\n", j->passed, j->failed, j->skipped);
	return !j->failed && !j->stopped;
}
