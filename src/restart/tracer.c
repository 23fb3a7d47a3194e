/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/tracer.h"

#include "base/owned.h"
#include "base/sys.h"
#include "host/fault.h"
#include "restart/front.h"
#include "restart/place.h"
#include "restart/spawn.h"
#include "trace/remote.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TRACER_OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK,
	TRACER_WNOTHREAD = 0x20000000,
	TRACER_SIGSET = 8,
};

static const struct model *tracer_model(const struct tracer *t, size_t index)
{
	return image_reader_model(t->context->images[index]);
}

static size_t tracer_find(const struct tracer *t, pid_t pid)
{
	size_t i = 0;

	while (i < t->n && t->at[i].pid != pid)
		i++;
	return i;
}

static bool tracer_any_seccomp(const struct tracer *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < tracer_model(t, i)->threads.n; k++)
			if (tracer_model(t, i)->threads.at[k].flags & IMG_THREAD_SECCOMP)
				return true;
	return false;
}

int tracer_init(struct tracer *t, struct child_context *context, struct err *err)
{
	*t = (struct tracer){ .context = context, .n = context->n, .options = TRACER_OPTIONS };
	t->suspends = tracer_any_seccomp(t);
	if (t->suspends)
		t->options |= PTRACE_O_TRACECLONE | PTRACE_O_SUSPEND_SECCOMP;
	t->at = calloc(t->n + 1, sizeof(*t->at));
	if (!t->at)
		return err_set(err, ENOMEM, "restart of %zu processes", t->n);
	for (size_t i = 0; i < t->n; i++)
		t->at[i].pid = tracer_model(t, i)->process.pid;
	return 0;
}

/*
 * Wait for what was killed. Its other threads are traced as well, and a leader is not to be had before they
 * have been waited for: so whoever comes is taken.
 */
static void tracer_reap(struct tracer *t)
{
	size_t left = 0;

	for (size_t i = 0; t->at && i < t->n; i++)
		left += t->at[i].born;
	while (left) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL | TRACER_WNOTHREAD);
		size_t i = pid > 0 ? tracer_find(t, pid) : t->n;

		if (pid < 0 && errno != EINTR)
			return;
		if (i < t->n && !WIFSTOPPED(status) && t->at[i].born) {
			t->at[i].born = false;
			left--;
		}
	}
}

/* All have what was theirs, or none will. */
static void tracer_end_shelves(struct tracer *t)
{
	struct child_shelves *s = t->context ? t->context->shelves : NULL;

	for (size_t i = 0; s && i < s->n; i++) {
		int status = 0;

		if (s->pids[i] <= 0)
			continue;
		kill(s->pids[i], SIGKILL);
		while (waitpid(s->pids[i], &status, __WALL) < 0 ? errno == EINTR
								: WIFSTOPPED(status))
			;
		s->pids[i] = 0;
	}
}

void tracer_done(struct tracer *t)
{
	tracer_end_shelves(t);
	for (size_t i = 0; t->at && i < t->n; i++)
		if (t->at[i].born)
			kill(t->at[i].pid, SIGKILL);
	tracer_reap(t);
	free(t->at);
	t->at = NULL;
}

static bool tracer_is_ours(const struct tracer *t, size_t index)
{
	return tracer_model(t, index)->process.ppid == getpid();
}

/* The only process of ours, or a maker of them all; its id, -errno. */
static pid_t tracer_fork_first(struct tracer *t, struct err *err)
{
	size_t first = t->n, ours = 0;
	pid_t pid;

	for (size_t i = t->n; i-- > 0;)
		if (tracer_is_ours(t, i)) {
			first = i;
			ours++;
		}
	if (!ours)
		return err_say(err, EINVAL, "no image is of a child of process %d", getpid());
	if (ours == 1) {
		pid = place_fork_only(t->context, first, err);
		t->at[first].born = pid > 0;
		return pid;
	}
	/* With an id of the program's it could not even be told from the process that is to have it. */
	pid = spawn_fork_beside(t->context->images, t->n);
	if (pid == 0)
		child_run_maker(t->context, first);
	if (pid < 0)
		return err_set(err, pid, "make a process");
	t->maker = pid;
	t->maker_runs = true;
	t->maker_board = first;
	return pid;
}

int tracer_start(struct tracer *t, struct err *err)
{
	uint64_t all = ~0ull, before;
	pid_t pid;
	int rc = 0;

	/* What a maker leaves behind comes to us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	/* Inherited: nothing may interrupt a process that is half one program, half another. */
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, TRACER_SIGSET);
	pid = tracer_fork_first(t, err);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &before, NULL, TRACER_SIGSET);
	if (pid < 0)
		return pid;
	fault_point("restart.forked");
	if (ptrace(PTRACE_SEIZE, pid, 0, t->options) < 0)
		return err_set(err, errno, "trace process %d", pid);
	fault_point("restart.seized");
	/* Their children are seized by the kernel as they are born; one word for each of all. */
	for (size_t i = 0; rc >= 0 && i < t->n + (t->maker > 0); i++)
		if (write(t->context->go[1], "g", 1) != 1)
			rc = err_set(err, errno, "start the processes");
	return rc;
}

static bool tracer_is_fault(int status)
{
	int sig = WSTOPSIG(status);

	return status >> 16 == 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
				     sig == SIGFPE || sig == SIGSYS || sig == SIGTRAP);
}

/* An event of what is no process of the computation: the maker, or a helper or thread seized at its birth. */
static int tracer_other(struct tracer *t, pid_t pid, int status, struct err *err)
{
	const struct child_board *board = &t->context->boards[t->maker_board];

	if (WIFSTOPPED(status) && tracer_is_fault(status))
		return err_say(err, EFAULT, "signal %d hit thread %d in the restorer",
			       WSTOPSIG(status), pid);
	if (WIFSTOPPED(status)) {
		ptrace(PTRACE_CONT, pid, 0, 0);
		return 0;
	}
	for (size_t i = 0; i < t->context->shelves->n; i++)
		if (t->context->shelves->pids[i] == pid)
			t->context->shelves->pids[i] = 0;
	if (pid != t->maker)
		return 0;
	t->maker_runs = false;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (board->err.num) {
		*err = board->err;
		return -err->num;
	}
	return err_say(err, ECHILD, "the maker of its processes ended unexpectedly");
}

static int tracer_explain_plan(struct tracer *t, size_t index, struct err *err)
{
	uint64_t at = t->context->boards[index].header;
	struct plan_header h;
	struct plan_op op;
	char text[160];
	int rc = at ? remote_read(t->at[index].pid, at, &h, sizeof(h), err) : 0;

	if (rc < 0 || !at || h.state == PLAN_RUNNING)
		return rc;
	rc = remote_read(t->at[index].pid, h.failed_op, &op, sizeof(op), err);
	if (rc < 0)
		return rc;
	plan_describe(text, sizeof(text), &op);
	if (h.failed_result >= 0)
		return err_say(err, EPROTO, "thread %d: %s gave 0x%llx, not 0x%llx", h.failed_tid,
			       text, (unsigned long long)h.failed_result,
			       (unsigned long long)op.want);
	if (h.failed_result == -ENOMEM && op.kind == PLAN_SYSCALL && op.nr == __NR_mmap &&
	    op.args[3] & MAP_HUGETLB)
		return err_say(
			err, ENOMEM,
			"it holds %llu MiB in huge pages, and fewer are free here: ask for more "
			"(`sysctl vm.nr_hugepages`)",
			(unsigned long long)op.args[1] >> 20);
	return err_set(err, (int)h.failed_result, "thread %d: %s", h.failed_tid, text);
}

static int tracer_ended(struct tracer *t, size_t index, int status, struct err *err)
{
	const struct child_board *board = &t->context->boards[index];

	t->at[index].born = false;
	if (board->err.num) {
		*err = board->err;
		return -err->num;
	}
	if (WIFSIGNALED(status))
		return err_say(err, ECHILD, "was killed by signal %d while it was being rebuilt",
			       WTERMSIG(status));
	return err_say(err, ECHILD, "ended with status %d while it was being rebuilt",
		       WEXITSTATUS(status));
}

static bool tracer_is_zombie(const struct tracer *t, size_t index)
{
	return tracer_model(t, index)->process.flags & IMG_PROC_ZOMBIE;
}

/* An event of process @index. 0 to go on, -errno with what stands in the way. */
static int tracer_event(struct tracer *t, size_t index, int status, struct err *err)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (tracer_is_zombie(t, index)) {
		if (!WIFSTOPPED(status) && t->context->boards[index].err.num)
			return tracer_ended(t, index, status, err);
		t->at[index].stopped = t->at[index].ended = !WIFSTOPPED(status);
		t->at[index].born = WIFSTOPPED(status);
		if (WIFSTOPPED(status) &&
		    ptrace(PTRACE_CONT, t->at[index].pid, 0, event ? 0 : sig) < 0 && errno != ESRCH)
			return err_set(err, errno, "continue");
		return 0;
	}
	if (!WIFSTOPPED(status))
		return tracer_ended(t, index, status, err);
	if (!event && sig == SIGSTOP) {
		t->at[index].stopped = true;
		return tracer_explain_plan(t, index, err);
	}
	if (tracer_is_fault(status))
		return err_say(err, EFAULT, "signal %d hit the restorer", sig);
	if (ptrace(PTRACE_CONT, t->at[index].pid, 0, 0) < 0 && errno != ESRCH)
		return err_set(err, errno, "continue");
	return 0;
}

/* What the maker has made is ours only when it has ended: who had gone on before would have two parents. */
static bool tracer_all_stopped(const struct tracer *t)
{
	if (t->maker_runs)
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (!t->at[i].stopped)
			return false;
	return true;
}

/* The first who is not there. */
static void tracer_tell(struct tracer *t)
{
	size_t i = 0;

	while (i < t->n && t->at[i].stopped)
		i++;
	if (t->progress)
		front_progress_set(t->progress, t->progress->step, i < t->n ? t->at[i].pid : 0);
}

/*
 * Others may have its id first: those who end at once as they wanted another one, and those who exist only to
 * make processes. What it is itself it says when it runs.
 */
static bool tracer_is_born(struct tracer *t, size_t index, int status)
{
	bool born = __atomic_load_n(&t->context->boards[index].born, __ATOMIC_ACQUIRE);

	if (!born) /* whoever it is, it is ours to kill */
		t->at[index].born = WIFSTOPPED(status);
	return born;
}

int tracer_await(struct tracer *t, struct err *err)
{
	while (!tracer_all_stopped(t)) {
		int status;
		pid_t pid;

		tracer_tell(t);
		pid = waitpid(-1, &status, __WALL | TRACER_WNOTHREAD);
		size_t i;
		int rc;

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return err_set(err, errno, "wait for the processes");
		i = tracer_find(t, pid);
		if (i < t->n && !tracer_is_born(t, i, status))
			i = t->n;
		if (i == t->n) {
			rc = tracer_other(t, pid, status, err);
			if (rc < 0)
				return rc;
			continue;
		}
		t->at[i].born = true;
		rc = tracer_event(t, i, status, err);
		if (rc < 0)
			return err_add(err, "process %d", pid);
	}
	return 0;
}

/* Threads that were born before there was a plan, untraced, and wait for it to begin. */
static int tracer_seize_early(const struct tracer *t, size_t index, struct err *err)
{
	const struct model *m = tracer_model(t, index);

	for (size_t i = 1; t->context->order && t->suspends && i < m->threads.n; i++)
		if (ptrace(PTRACE_SEIZE, m->threads.at[i].tid, 0, t->options) < 0)
			return err_set(err, errno, "trace thread %d", m->threads.at[i].tid);
	return 0;
}

int tracer_continue(struct tracer *t, struct err *err)
{
	tracer_end_shelves(t);
	for (size_t i = 0; i < t->n; i++) {
		if (t->at[i].ended)
			continue;
		if (tracer_seize_early(t, i, err) < 0)
			return -err->num;
		t->at[i].stopped = false;
		if (ptrace(PTRACE_CONT, t->at[i].pid, 0, 0) < 0)
			return err_set(err, errno, "continue process %d", t->at[i].pid);
	}
	return 0;
}

int tracer_stop_threads(struct tracer *t, size_t index, struct err *err)
{
	const struct model *m = tracer_model(t, index);

	for (size_t i = 1; i < m->threads.n; i++) {
		pid_t tid = m->threads.at[i].tid;

		if ((!t->suspends && ptrace(PTRACE_SEIZE, tid, 0, t->options) < 0) ||
		    ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
			return err_set(err, errno, "stop thread %d", tid);
	}
	for (size_t i = 1; i < m->threads.n; i++) {
		pid_t tid = m->threads.at[i].tid;
		int status;

		while (waitpid(tid, &status, __WALL) < 0)
			if (errno != EINTR)
				return err_set(err, errno, "wait for thread %d", tid);
		if (!WIFSTOPPED(status))
			return err_say(err, ESRCH, "thread %d ended while it was being rebuilt",
				       tid);
	}
	return 0;
}

/* First lift what would kill them all if we died half-way, then let go. */
void tracer_release(struct tracer *t)
{
	for (int step = 0; step < 2; step++)
		for (size_t i = 0; i < t->n; i++) {
			const struct model *m = tracer_model(t, i);

			fault_point("restart.releasing");
			for (size_t k = m->threads.n; k-- > 0;)
				if (step == 0)
					ptrace(PTRACE_SETOPTIONS, m->threads.at[k].tid, 0, 0);
				else
					ptrace(PTRACE_DETACH, m->threads.at[k].tid, 0, 0);
			t->at[i].born = false; /* no longer ours to kill */
		}
}
