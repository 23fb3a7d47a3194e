/* SPDX-License-Identifier: Apache-2.0 */
#include "job/keeper.h"

#include "base/owned.h"
#include "base/sys.h"
#include "host/fault.h"
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEEPER_RUNS = 64 };

struct keeper {
	const struct script *script;
	struct stat exe; /* ours: so are all `cairn run` of this job */
	int signals; /* signalfd: SIGCHLD */
	pid_t runs[KEEPER_RUNS];
	size_t n;
	int kept; /* the signal that the script shall get at the end; it stands still until then */
	bool finished; /* each run that ended since has done so because its program had ended */
};

static int keeper_ptrace(const struct keeper *k, int request, int data)
{
	return (int)sys4(__NR_ptrace, request, k->script->pid, 0, data);
}

static bool keeper_is_run(const struct keeper *k, pid_t pid)
{
	OWNED_PTR char *line = NULL;
	struct err err = ERR_INIT;
	char path[40];
	struct stat st;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &st) || st.st_ino != k->exe.st_ino || st.st_dev != k->exe.st_dev ||
	    proc_read(pid, "cmdline", &line, &len, &err) < 0)
		return false;
	return len > strlen(line) + 1 && !strcmp(line + strlen(line) + 1, "run");
}

/*
 * All below @pid, but not what belongs to one of them. A list of children that is read while some of them are
 * waited for leaves out others.
 */
static void keeper_look(struct keeper *k, pid_t pid)
{
	OWNED_PTR char *children = NULL;
	struct err err = ERR_INIT;
	char name[40], *at;
	size_t len;

	snprintf(name, sizeof(name), "task/%d/children", pid);
	if (proc_read(pid, name, &children, &len, &err) < 0 || fault_point("job.listed"))
		return;
	at = children;
	for (pid_t child; (child = (pid_t)strtol(at, &at, 10)) > 0;) {
		if (!keeper_is_run(k, child))
			keeper_look(k, child);
		else if (k->n < KEEPER_RUNS && proc_state(child) != 'Z')
			k->runs[k->n++] = child;
	}
}

static void keeper_find(struct keeper *k)
{
	size_t before;

	/* As its shell does when one has ended, which is when we look: until we see the same twice. */
	k->n = 0;
	keeper_look(k, k->script->pid);
	do {
		before = k->n;
		k->n = 0;
		keeper_look(k, k->script->pid);
	} while (k->n != before);
}

static bool keeper_wants(const struct keeper *k, int signo)
{
	uint64_t bit = 1ULL << (signo - 1);

	if (k->kept || !(k->script->signals & bit) ||
	    proc_status_number(k->script->pid, "SigIgn", 16, 0) & bit)
		return false;
	/* In the background: its trap passes the signal on. */
	return k->script->waits || !(proc_status_number(k->script->pid, "SigCgt", 16, 0) & bit);
}

static void keeper_keep(struct keeper *k, int signo)
{
	k->kept = signo;
	keeper_find(k);
	k->finished = k->n; /* none is there any more: the script gets it at once */
	for (size_t i = 0; i < k->n; i++)
		kill(k->runs[i], signo);
}

static bool keeper_is_stop(int signo)
{
	return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

/* The script has stopped: to get a signal, or, by now, because of one. */
static void keeper_stopped(struct keeper *k, int status)
{
	int signo = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_STOP)
		keeper_ptrace(k, keeper_is_stop(signo) ? PTRACE_LISTEN : PTRACE_CONT, 0);
	else if (keeper_wants(k, signo))
		keeper_keep(k, signo);
	else
		keeper_ptrace(k, PTRACE_CONT, signo);
}

/* Its shell cannot take the status away while it stands still. */
static void keeper_ended(struct keeper *k, pid_t run)
{
	int status = proc_exit_code(run);

	k->finished = k->finished && WIFEXITED(status) &&
		      WEXITSTATUS(status) != k->script->saved_status[0] &&
		      WEXITSTATUS(status) != k->script->saved_status[1];
}

/* Until @run has ended. */
static void keeper_watch(struct keeper *k, pid_t run)
{
	OWNED_FD int pidfd = (int)sys2(__NR_pidfd_open, run, 0);
	struct pollfd p[2] = { { .fd = k->signals, .events = POLLIN },
			       { .fd = pidfd, .events = POLLIN } };
	struct signalfd_siginfo si;
	int status;

	while (pidfd >= 0 && !p[1].revents) {
		poll(p, 2, -1);
		if (p[0].revents && read(k->signals, &si, sizeof(si)) < 0)
			continue;
		while (waitpid(k->script->pid, &status, __WALL | WNOHANG) > 0) {
			if (!WIFSTOPPED(status))
				_exit(0);
			keeper_stopped(k, status);
		}
	}
}

/* Once: who is told does not listen any longer. */
static void keeper_tell(int *line, int rc)
{
	if (*line >= 0 && write(*line, &rc, sizeof(rc)) < 0)
		_exit(1);
	owned_fd_done(line);
	*line = -1;
}

/*
 * Trace the script. Where another of us does so already, it will see to our run too; but it may be about to
 * end, and then we take its place.
 */
static int keeper_seize(struct keeper *k, pid_t run, int *line)
{
	int rc;

	while ((rc = keeper_ptrace(k, PTRACE_SEIZE, 0)) < 0) {
		pid_t other = (pid_t)proc_status_number(k->script->pid, "TracerPid", 10, 0);
		struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

		if (!other || !keeper_is_run(k, other))
			return rc;
		keeper_tell(line, 0);
		p[0].fd = (int)sys2(__NR_pidfd_open, other, 0);
		p[1].fd = (int)sys2(__NR_pidfd_open, run, 0);
		if (p[1].fd < 0 || (p[0].fd >= 0 && (poll(p, 2, -1) < 0 || p[1].revents)))
			_exit(0);
		close(p[0].fd);
		close(p[1].fd);
	}
	return 0;
}

/* Nothing of the script's is kept open, no directory kept busy; only SIGKILL ends us before it is time. */
static void keeper_begin(struct keeper *k, int line)
{
	sigset_t all;

	sys3(__NR_close_range, 0, line - 1, 0);
	sys3(__NR_close_range, line + 1, ~0U, 0);
	if (chdir("/"))
		_exit(1);
	prctl(PR_SET_NAME, "cairn-keeper");
	stat("/proc/self/exe", &k->exe);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	k->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

void keeper_run(const struct script *s, pid_t run, int line)
{
	struct keeper k = { .script = s };
	int rc;

	keeper_begin(&k, line);
	rc = keeper_seize(&k, run, &line);
	keeper_tell(&line, rc);
	if (rc < 0)
		_exit(1);
	while (!k.kept && run) {
		keeper_watch(&k, run);
		if (!k.kept)
			keeper_find(&k);
		run = k.n ? k.runs[0] : 0;
	}
	for (size_t i = 0; k.kept && i < k.n; i++) {
		keeper_watch(&k, k.runs[i]);
		keeper_ended(&k, k.runs[i]);
	}
	if (k.kept)
		keeper_ptrace(&k, PTRACE_DETACH, k.finished ? 0 : k.kept);
	_exit(0);
}
