/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of a process: probe_snapshot. */
#include "host/fault.h"
#include "trace/park_state.h"
#include "trace/probe_state.h"
#include "trace/regs.h"
#include "trace/suspend.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The first stop of what @by has given birth to. From here on it ends when we end, and so does what it gives
 * birth to itself. What makes calls for us does so without filters, as @by does.
 */
static int meet(int id, const struct tracee *by, struct tracee *born, struct err *err)
{
	int status, rc;

	*born = (struct tracee){ .pid = id,
				 .tid = id,
				 .state = TRACEE_STOPPED,
				 .foreign = true,
				 .suspended = by->suspended };
	fault_point("snapshot.born");
	rc = remote_wait(born, &status, err);
	fault_point("snapshot.met");
	if (rc >= 0)
		suspend_set_options(born, PROBE_OPTIONS | PTRACE_O_EXITKILL);
	return rc;
}

/*
 * Let the copy close its descriptors, which is the first thing it does, and nothing more: two system call
 * stops. Else pipes and sockets of the program would stay open until the image is written.
 */
static int close_descriptors(struct tracee *copy, struct err *err)
{
	int status, rc = 0;

	for (int stops = 0; stops < 2 && rc >= 0;) {
		ptrace(PTRACE_SYSCALL, copy->tid, 0, 0);
		rc = remote_wait(copy, &status, err);
		if (rc >= 0 && WSTOPSIG(status) == (SIGTRAP | 0x80))
			stops++;
		fault_point("snapshot.stepped");
	}
	return rc;
}

/* The helper's life: it forks the copy and ends. */
static int helper_run(const struct probe *p, struct tracee *helper, struct tracee *copy,
		      struct err *err)
{
	int status, rc;

	job_continue(helper);
	rc = job_wait(p, helper, err);
	if (rc > 0) {
		rc = meet(rc, helper, copy, err);
		job_continue(helper);
		remote_wait(helper, &status, NULL); /* its end */
		return rc;
	}
	/* The fork failed, and it has ended: the job says why. */
	return 0;
}

static int run(struct probe *p, struct probe_job *job, struct tracee *copy, struct err *err)
{
	struct tracee *t = p->remote.tracee, helper = { 0 };
	int rc = job_start(p, t, &p->remote.saved, p->area + PROBE_AT_SLOT, err);

	if (rc >= 0)
		rc = job_wait(p, t, err);
	if (rc > 0 && job->mode == PROBE_FORK_HELPED) {
		rc = meet(rc, t, &helper, err);
		if (rc >= 0)
			rc = helper_run(p, &helper, copy, NULL);
		job_continue(t);
		rc = job_wait(p, t, err);
	} else if (rc > 0) {
		rc = meet(rc, t, copy, err);
		job_continue(t);
		if (job_wait(p, t, err) < 0)
			rc = -ESRCH;
	}
	if (rc >= 0)
		rc = remote_read(p->remote.tracee->tid, p->area + PROBE_AT_SLOT, job, sizeof(*job),
				 err);
	if (rc >= 0 && job->copy < 0)
		rc = err_set(err, (int)job->copy, "cannot fork process %d for the snapshot",
			     p->process->pid);
	return rc;
}

int probe_snapshot(struct probe *p, pid_t *copy, struct err *err)
{
	const struct remote *r = &p->remote;
	struct tracee born = { 0 };
	struct probe_job job;
	int rc;

	suspend_set_options(r->tracee, PROBE_OPTIONS);
	job_init(&job, p, &r->saved, r->sigmask);
	/* A child of ours may have the copy as its sibling; for any other a helper must fork. */
	job.mode = p->process->ppid == getpid() ? PROBE_FORK : PROBE_FORK_HELPED;
	job.helper_stack = p->area + PROBE_AT_HELPER + PROBE_SLOT_SIZE;
	rc = remote_write(p->remote.tracee->tid, p->area + PROBE_AT_SLOT, &job, sizeof(job), err);
	if (rc >= 0)
		rc = run(p, &job, &born, err);
	if (rc >= 0)
		rc = close_descriptors(&born, err);
	if (rc < 0)
		probe_snapshot_destroy(born.pid);
	else
		*copy = born.pid;
	return rc;
}

void probe_snapshot_destroy(pid_t copy)
{
	int status;

	if (copy <= 0)
		return;
	kill(copy, SIGKILL);
	while (waitpid(copy, &status, __WALL) < 0 ? errno == EINTR : WIFSTOPPED(status))
		;
}
