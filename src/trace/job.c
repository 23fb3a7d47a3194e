/* SPDX-License-Identifier: Apache-2.0 */
#include "host/fault.h"
#include "trace/probe_state.h"
#include "trace/regs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

void job_init(struct probe_job *job, const struct probe *p, const struct user_regs_struct *saved,
	      uint64_t sigmask)
{
	struct user_regs_struct regs = *saved;

	*job = (struct probe_job){ .sigmask = sigmask, .stop_signal = (uint32_t)p->stop_signal };
	regs_make_restartable(&regs);
	_Static_assert(sizeof(regs) == sizeof(job->regs), "one layout");
	memcpy(job->regs, &regs, sizeof(regs));
	job->stack = regs_sp(&regs);
}

int job_start(const struct probe *p, const struct tracee *t, const struct user_regs_struct *saved,
	      uint64_t slot, struct err *err)
{
	struct user_regs_struct regs = *saved;
	int rc;

	regs_prepare_jump(&regs, p->area + PROBE_AT_BLOB, slot + PROBE_SLOT_SIZE, slot);
	rc = regs_set(t->tid, &regs, err);
	fault_point("job.prepared");
	if (rc < 0)
		return rc;
	job_continue(t);
	fault_point("job.begun");
	return 0;
}

void job_continue(const struct tracee *t)
{
	ptrace(PTRACE_CONT, t->tid, 0, 0);
}

/* Somebody else's signal of that number was there before ours: put it back where it was. */
static int put_back(struct tracee *t, int sig, struct err *err)
{
	int status, rc = regs_set_sigmask(t->tid, ~UINT64_C(0), err);

	if (rc < 0)
		return rc;
	tracee_interrupt(t);
	ptrace(PTRACE_CONT, t->tid, 0, (long)sig); /* now blocked: the kernel queues it again */
	do {
		rc = remote_wait(t, &status, err);
	} while (rc >= 0 && status >> 16 != PTRACE_EVENT_STOP);
	return rc;
}

int job_wait(const struct probe *p, struct tracee *t, struct err *err)
{
	for (;;) {
		siginfo_t info = { 0 };
		unsigned long born = 0;
		int status, rc = remote_wait(t, &status, err);

		fault_point("job.stopped");
		if (rc < 0)
			return rc;
		if (status >> 16 == PTRACE_EVENT_STOP) { /* by job control; the job goes on */
			t->group_stopped |= WSTOPSIG(status) != SIGTRAP;
			job_continue(t);
		} else if (status >> 16) {
			ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &born);
			return (int)born;
		} else if (WSTOPSIG(status) != p->stop_signal) {
			ptrace(PTRACE_CONT, t->tid, 0, (long)WSTOPSIG(status)); /* SIGSTOP */
		} else {
			ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info);
			return info.si_code == SI_TKILL ? 0 : put_back(t, WSTOPSIG(status), err);
		}
	}
}
