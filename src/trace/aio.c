/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests of an AIO context are in flight: probe_aio. */
#include "host/fault.h"
#include "trace/probe_state.h"
#include "trace/suspend.h"

#include <errno.h>
#include <sys/ptrace.h>

/* The helper where its filters are suspended, which needs a tracer: until it has ended. */
static void aio_follow(const struct probe *p, int id)
{
	struct tracee helper = { .pid = id,
				 .tid = id,
				 .state = TRACEE_STOPPED,
				 .foreign = true,
				 .suspended = p->remote.tracee->suspended };
	int status;

	while (remote_wait(&helper, &status, NULL) >= 0) /* its first stop; others; its end */
		job_continue(&helper);
}

/*
 * The helper is not our tracee, if it need not be: if we die it goes on to its end, or the context would be
 * left half-way.
 */
static int aio_run(struct probe *p, struct err *err)
{
	const struct remote *r = &p->remote;
	int rc;

	suspend_set_options(r->tracee,
			    r->tracee->suspended ? PROBE_OPTIONS : PTRACE_O_TRACESYSGOOD);
	rc = job_start(p, r->tracee, &r->saved, p->area + PROBE_AT_SLOT, err);
	fault_point("aio.begun");
	if (rc >= 0)
		rc = job_wait(p, r->tracee, err);
	if (rc > 0) {
		job_continue(r->tracee);
		aio_follow(p, rc);
		rc = job_wait(p, r->tracee, err);
	}
	suspend_set_options(r->tracee, PROBE_OPTIONS);
	return rc;
}

int probe_aio(struct probe *p, struct probe_aio *aio, struct err *err)
{
	const struct remote *r = &p->remote;
	pid_t pid = r->tracee->tid;
	struct probe_job job;
	int rc;

	job_init(&job, p, &r->saved, r->sigmask);
	job.mode = PROBE_AIO;
	job.aio = p->area + PROBE_AT_OUT;
	job.helper_stack = p->area + PROBE_AT_HELPER + PROBE_SLOT_SIZE;
	aio->left = -ECHILD;
	rc = remote_write(pid, p->area + PROBE_AT_SLOT, &job, sizeof(job), err);
	if (rc >= 0)
		rc = remote_write(pid, job.aio, aio, sizeof(*aio), err);
	if (rc >= 0)
		rc = aio_run(p, err);
	if (rc >= 0)
		rc = remote_read(pid, job.aio, aio, sizeof(*aio), err);
	if (rc >= 0)
		rc = remote_read(pid, p->area + PROBE_AT_SLOT, &job, sizeof(job), err);
	if (rc >= 0 && job.copy < 0)
		rc = err_set(err, (int)job.copy, "cannot start a helper in it");
	else if (rc >= 0 && aio->left < 0)
		rc = err_set(err, (int)aio->left, "cannot tell what is in flight");
	return rc;
}
