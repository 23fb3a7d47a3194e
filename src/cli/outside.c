/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outside.h"

#include "cli/command.h"
#include "coord/launchable.h"
#include "job/place.h"
#include "job/requeue.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool outside_is_meant(char *const *argv)
{
	return launchable_is_container(argv[0]);
}

/* The cairn that is to run inside, in @argv, or NULL: then signals end the program, and nothing is saved. */
static char *const *outside_inside(char *const *argv)
{
	for (; *argv; argv++) {
		const char *slash = strrchr(*argv, '/');

		if (!strcmp(slash ? slash + 1 : *argv, "cairn"))
			return argv;
	}
	return NULL;
}

/* Without a terminal here docker refuses one; podman makes one, and may lose the last lines through it. */
static void outside_check_terminal(char *const *argv, char *const *inside)
{
	static const char *const wanted[] = { "-t", "-it", "-ti", "--tty" };

	for (; argv < inside && !isatty(STDIN_FILENO); argv++)
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (!strcmp(*argv, wanted[i]))
				fprintf(stderr, "cairn: no terminal here: leave out %s\n", *argv);
}

static bool outside_stops(const struct outside *o, int signo)
{
	return o->stop_signals >> (signo - 1) & 1;
}

static void outside_signals(const struct outside *o, sigset_t *set)
{
	static const int others[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };

	sigemptyset(set);
	for (int signo = 1; signo < 64; signo++)
		if (outside_stops(o, signo))
			sigaddset(set, signo);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		sigaddset(set, others[i]);
}

/* In the child. The container's client passes on what it is sent, and so it does when we are gone. */
static void outside_exec(pid_t parent, char *const *argv) __attribute__((noreturn));
static void outside_exec(pid_t parent, char *const *argv)
{
	sigset_t none;

	sigemptyset(&none);
	for (int signo = 1; signo < 32; signo++)
		signal(signo, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		raise(SIGTERM);
	execvp(argv[0], argv);
	fprintf(stderr, "cairn run: '%s': %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_EXEC);
}

static int outside_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* Daemons come to us when they end; podman waits until its monitor has gone altogether. */
static void outside_reap_daemons(void)
{
	siginfo_t info = { 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid &&
	       getpgid(info.si_pid) != getpgrp()) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

/* SIGTERM is what every container's client passes on; rootless podman keeps others to itself. */
static void outside_pass_on(const struct outside *o, pid_t pid, int signo, bool *stopping)
{
	bool stops = outside_stops(o, signo);

	*stopping |= stops;
	if (pid)
		kill(pid, stops ? SIGTERM : signo);
}

/*
 * Until it has ended; the exit status. A client may be two processes, of which the one that we have
 * started dies of SIGTERM at once, while the other waits for the container: that comes to us then, and
 * what it says counts. What daemons it has started are in groups of their own.
 */
static int outside_wait(const struct outside *o, pid_t pid, const sigset_t *set, bool *stopping)
{
	int status = 0, wait_status;
	siginfo_t info;
	pid_t ended;

	for (;;) {
		while ((ended = waitpid(0, &wait_status, WNOHANG)) > 0) {
			if (status != o->contract->stopped_status && outside_status(wait_status))
				status = outside_status(wait_status);
			if (ended == pid)
				pid = 0;
		}
		if (ended < 0)
			return status;
		outside_reap_daemons();
		if (sigwaitinfo(set, &info) > 0 && info.si_signo != SIGCHLD)
			outside_pass_on(o, pid, info.si_signo, stopping);
	}
}

/*
 * A client that is to pass a signal on when the container has ended, or has not yet started, dies of it
 * and does not say how the container has ended. To run it again is right: what has finished is not redone.
 */
static int outside_verdict(const struct outside *o, int status, bool stopping)
{
	if (!stopping || status != 128 + SIGTERM)
		return status;
	fprintf(stderr,
		"cairn: the container's client was ended by the signal before it told how the "
		"container has ended: taken for stopped\n");
	return o->contract->stopped_status;
}

static void outside_say(const void *data, const char *text)
{
	(void)data;
	fprintf(stderr, "cairn: %s\n", text);
}

int outside_run(const struct outside *o, char *const *argv, struct err *err)
{
	char *const *inside = outside_inside(argv);
	pid_t parent = getpid(), pid;
	struct place place;
	bool stopping = false;
	sigset_t set;
	int status;

	if (!inside)
		return launchable_check_program(argv[0], err);
	place_read(&place);
	fprintf(stderr,
		"cairn: '%s' starts a container: checkpoints are taken by the cairn inside, this "
		"one "
		"passes signals on%s\n",
		argv[0], o->contract->scontrol ? " and queues the job again" : "");
	outside_check_terminal(argv, inside);
	outside_signals(o, &set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (!pid)
		outside_exec(parent, argv);
	status = outside_wait(o, pid, &set, &stopping);
	status = outside_verdict(o, status, stopping);
	if (status == o->contract->stopped_status && o->contract->scontrol && *place.job &&
	    !o->no_requeue)
		requeue_job(&(struct requeue){ .job = place.job, .say = outside_say });
	return status;
}
