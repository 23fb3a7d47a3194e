/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/box.h"

#include "lib/bytes.h"
#include "lib/command.h"
#include "lib/procs.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

enum {
	BOX_GRACE_S = 3, /* for what a test has killed itself to go away */
	BOX_KILL_S = 10,
	BOX_SKIP = 77,
};

enum box_end { BOX_ENDED, BOX_HANGS, BOX_STOPPED };

void box_become_subreaper(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		err(1, "subreaper");
}

/*
 * Take the zombies that came to us; *@status is set where @pid was among them. False when we have no child
 * left: then nothing is below us, since every orphan comes to us.
 */
static bool reap(pid_t pid, int *status, bool *ended)
{
	int st;
	pid_t p;

	while ((p = waitpid(-1, &st, WNOHANG | __WALL)) > 0) {
		if (p == pid) {
			*status = st;
			*ended = true;
		}
	}
	return p == 0;
}

static bool reap_any(void)
{
	int status;
	bool ended;

	return reap(0, &status, &ended);
}

/*
 * Until the first of @left has ended, or @deadline. With none left, a look at /proc has missed one that was
 * just changing parents: look again.
 */
static void await_end(const struct procs *left, int64_t deadline)
{
	if (!left->n) {
		sched_yield();
		return;
	}
	int fd = (int)syscall(SYS_pidfd_open, left->pid[0], 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	poll(&p, 1, command_ms_until(deadline));
	close(fd);
}

void box_kill_all(void)
{
	int64_t deadline = command_now() + BOX_KILL_S * SECOND;

	while (reap_any() && command_now() < deadline) {
		struct procs left = procs_below(getpid());

		for (size_t i = 0; i < left.n; i++)
			kill(left.pid[i], SIGKILL);
		await_end(&left, deadline);
		procs_done(&left);
	}
}

/* The child's end, *@status then being its wait status. Reaps orphans on the way. */
static enum box_end await_child(pid_t pid, unsigned int seconds, const sigset_t *set, int *status)
{
	int64_t deadline = command_now() + seconds * SECOND;
	bool ended = false;

	for (;;) {
		reap(pid, status, &ended);
		if (ended)
			return BOX_ENDED;
		int64_t left = deadline - command_now();

		if (left <= 0)
			return BOX_HANGS;
		struct timespec t = { .tv_sec = left / SECOND, .tv_nsec = left % SECOND };
		int sig = sigtimedwait(set, NULL, &t);

		if (sig > 0 && sig != SIGCHLD)
			return BOX_STOPPED;
	}
}

static void become_user(const char *user)
{
	const struct passwd *entry = getpwnam(user);

	if (!entry)
		errx(1, "no user is called %s", user);
	if (initgroups(user, entry->pw_gid) || setgid(entry->pw_gid) || setuid(entry->pw_uid))
		err(1, "become %s", user);
}

static pid_t start(const struct box *box)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	setsid();
	if (box->user)
		become_user(box->user);
	command_exec(box->argv, box->dir);
}

/* Take away what is mounted below @dir, the last first; how many there were. */
static int unmount_below(const char *dir)
{
	char *text = procs_text("/proc/self/mountinfo"), *line = NULL, *point;
	int found = 0;

	while ((line = strrchr(text, '\n')) || *text) {
		char *at = line ? line + 1 : text;

		if (sscanf(at, "%*s %*s %*s %*s %ms", &point) == 1) {
			if (!strncmp(point, dir, strlen(dir)) && point[strlen(dir)] == '/') {
				printf("mount left behind: %s\n", point);
				umount2(point, MNT_DETACH);
				found++;
			}
			free(point);
		}
		*(line ? line : text) = '\0';
	}
	free(text);
	return found;
}

/* What a finished test should have taken away itself is named; how much of it there was. */
static int name_leftovers(const char *dir)
{
	int64_t deadline = command_now() + BOX_GRACE_S * SECOND;
	struct procs left;
	int found = 0;

	for (;;) {
		bool any = reap_any();

		left = procs_below(getpid());
		if (!any || command_now() >= deadline)
			break;
		await_end(&left, deadline);
		procs_done(&left);
	}
	for (size_t i = 0; i < left.n; i++, found++) {
		OWNED_TEXT char *who = procs_describe(left.pid[i]);

		printf("process left behind: %s\n", who);
		procs_dump(left.pid[i], stdout);
	}
	procs_done(&left);
	return found + unmount_below(dir);
}

static void dump_all(unsigned int seconds)
{
	struct procs all = procs_below(getpid());

	printf("hangs: no end after %u s; where its processes stand:\n", seconds);
	for (size_t i = 0; i < all.n; i++)
		procs_dump(all.pid[i], stdout);
	procs_done(&all);
}

/* Signals wait in the mask until await_child takes them; our end comes with the parent's. */
static sigset_t take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return set;
}

int box_run(const struct box *box)
{
	sigset_t set = take_signals();
	int status = 0, found, code;
	enum box_end end;

	box_become_subreaper();
	end = await_child(start(box), box->seconds, &set, &status);
	if (end == BOX_HANGS)
		dump_all(box->seconds);
	else if (end == BOX_STOPPED)
		printf("stopped from outside\n");
	if (end != BOX_ENDED) {
		box_kill_all();
		unmount_below(box->dir);
		return 1;
	}
	found = name_leftovers(box->dir);
	box_kill_all();
	if (WIFSIGNALED(status)) {
		printf("killed by signal %d\n", WTERMSIG(status));
		return 1;
	}
	code = WEXITSTATUS(status);
	return found && (code == 0 || code == BOX_SKIP) ? 1 : code;
}
