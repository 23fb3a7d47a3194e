/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tracee.h"

#include "host/proc.h"
#include "host/procid.h"
#include "trace/explain.h"
#include "trace/regs.h"
#include "trace/tick.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_ended(const siginfo_t *si)
{
	return si->si_code == CLD_EXITED || si->si_code == CLD_KILLED || si->si_code == CLD_DUMPED;
}

static _Thread_local pid_t seizing; /* one of its threads */

/*
 * A thread that execs waits until those of the others that are traced have been waited for; and while it
 * does, none of them can be seized. So the ends are taken in between: whose that were is found out later.
 */
static void take_ends(void)
{
	struct dirent *d;
	char path[32];
	DIR *dir;

	procid_path(path, sizeof(path), seizing, "task");
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		pid_t tid = *d->d_name == '.' ? 0 : procid_meant(atoi(d->d_name));
		siginfo_t si = { 0 };

		/* Stops of theirs are shown as well, and are to stay. */
		if (tid > 0 && tid != seizing &&
		    waitid(P_PID, (id_t)tid, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		    si.si_pid && has_ended(&si))
			waitpid(tid, NULL, WNOHANG | __WALL);
	}
	if (dir)
		closedir(dir);
}

static long seize(const struct tracee *t, long options, int64_t deadline_ns)
{
	long rc;

	seizing = t->pid;
	tick_also = take_ends;
	tick_until = deadline_ns;
	rc = ptrace(PTRACE_SEIZE, t->tid, 0, options);
	tick_until = 0;
	tick_also = NULL;
	return rc;
}

int tracee_seize(struct tracee *t, enum tracee_follow follow, int64_t deadline_ns, struct err *err)
{
	/*
	 * Clone events attach what is born while we list and stop: nothing slips through between two
	 * listings, and nothing has to be listed again while the program stands.
	 */
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;

	if (follow == TRACEE_CHILDREN)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	if (seize(t, options, deadline_ns) == 0)
		return 0;
	if (errno == ESRCH || errno == EINTR)
		return -errno;
	return explain_seize(t->pid, t->tid, errno, err);
}

void tracee_interrupt(const struct tracee *t)
{
	ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
}

static bool is_call_stop(int status)
{
	return status >> 16 == 0 && WSTOPSIG(status) == (SIGTRAP | 0x80);
}

/* On its way out of a call, does it only leave because it was interrupted? It has done nothing yet. */
static bool is_interrupted(const struct tracee *t)
{
	struct user_regs_struct regs;

	return regs_get(t->tid, &regs, NULL) >= 0 &&
	       (regs_restarts(&regs) || (regs_call(&regs) >= 0 && regs_result(&regs) == -EINTR));
}

static int tracee_stopped(struct tracee *t, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);
	unsigned long born = 0;

	if (t->asleep && (t->watched || event != PTRACE_EVENT_STOP))
		t->asleep = t->watched && is_call_stop(status) && is_interrupted(t);
	t->watched = false;
	if (event == PTRACE_EVENT_STOP) {
		t->state = TRACEE_STOPPED;
		t->group_stopped = sig != SIGTRAP;
		return 0;
	}
	if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
	    event == PTRACE_EVENT_VFORK)
		ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &born);
	/* Any stop uses up the interrupt that was asked for: ask again, then let it come. */
	tracee_interrupt(t);
	if (event || sig == (SIGTRAP | 0x80))
		sig = 0;
	ptrace(PTRACE_CONT, t->tid, 0, (long)sig);
	return (int)born;
}

static bool is_own_child(pid_t pid)
{
	struct stat_line stat;

	return proc_stat(pid, &stat, NULL) >= 0 && procid_meant((pid_t)stat.ppid) == getpid();
}

/* A wait that takes stops, and ends of processes that are not our children. */
static int take_leader(pid_t pid, bool nohang, int *status)
{
	int hang = __WALL | (nohang ? WNOHANG : 0);
	siginfo_t si = { 0 };

	for (;;) {
		/* Only stops: it may be killed at any time. Mostly there is one already. */
		if (waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOHANG | __WALL) == 0 && si.si_pid) {
			*status = si.si_status << 8 | 0x7f;
			return 1;
		}
		if (waitid(P_PID, (id_t)pid, &si, WEXITED | WSTOPPED | WNOWAIT | hang) < 0)
			return -errno;
		if (!si.si_pid)
			return 0;
		if (has_ended(&si) && !is_own_child(pid))
			return waitpid(pid, status, hang) < 0 ? -errno : 1;
		*status = si.si_code == CLD_EXITED ? si.si_status << 8 : si.si_status;
		if (has_ended(&si))
			return 1;
		si.si_pid = 0;
	}
}

int tracee_take(const struct tracee *t, bool nohang, int *status)
{
	int rc;

	if (t->tid == t->pid && !t->foreign)
		return take_leader(t->pid, nohang, status);
	rc = waitpid(t->tid, status, __WALL | (nohang ? WNOHANG : 0));
	return rc < 0 ? -errno : rc > 0;
}

int tracee_wait(struct tracee *t, bool nohang)
{
	int status, rc = tracee_take(t, nohang, &status);

	if (rc == 0)
		return -EAGAIN;
	if (rc == -EINTR)
		return -EINTR;
	if (rc > 0 && WIFSTOPPED(status))
		return tracee_stopped(t, status);
	t->state = TRACEE_GONE; /* ended; or taken away by an execve of another thread */
	return 0;
}

void tracee_resume(struct tracee *t)
{
	if (t->state != TRACEE_STOPPED || t->group_stopped || ptrace(PTRACE_CONT, t->tid, 0, 0) < 0)
		return;
	t->state = TRACEE_RUNNING;
	t->resumed = true;
	t->mended = t->watched = t->asleep = false;
}

bool tracee_doze(struct tracee *t, int64_t deadline_ns)
{
	int status, rc;

	if (ptrace(PTRACE_SYSCALL, t->tid, 0, 0) < 0)
		return false;
	t->state = TRACEE_RUNNING;
	t->mended = false;
	do {
		rc = tracee_take(t, false, &status);
	} while (rc == -EINTR && tick_now() < deadline_ns);
	if (rc == -EINTR)
		return false;
	if (rc <= 0 || !WIFSTOPPED(status)) {
		t->state = TRACEE_GONE;
		return false;
	}
	t->watched = t->asleep = is_call_stop(status) && ptrace(PTRACE_SYSCALL, t->tid, 0, 0) == 0;
	if (!t->watched)
		tracee_stopped(t, status);
	return t->watched;
}

void tracee_rouse(struct tracee *t)
{
	int status, rc = t->watched ? tracee_take(t, true, &status) : 0;

	if (rc == 0 || rc == -EINTR)
		return;
	if (rc < 0 || !WIFSTOPPED(status)) {
		t->watched = t->asleep = false;
		t->state = TRACEE_GONE;
	} else if (is_call_stop(status) && !is_interrupted(t)) {
		t->watched = t->asleep = false;
		ptrace(PTRACE_CONT, t->tid, 0, 0);
	} else {
		tracee_stopped(t, status);
	}
}

bool tracee_detach(struct tracee *t)
{
	if (t->state != TRACEE_STOPPED || ptrace(PTRACE_DETACH, t->tid, 0, 0) < 0)
		return false;
	t->state = TRACEE_GONE;
	return true;
}
