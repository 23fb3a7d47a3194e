/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/remote.h"

#include "host/fault.h"
#include "trace/explain.h"
#include "trace/regs.h"
#include "trace/tick.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { REMOTE_TICK_NS = 4 * 1000000 };

typedef ssize_t remote_transfer(pid_t pid, const struct iovec *here, unsigned long nhere,
				const struct iovec *there, unsigned long nthere,
				unsigned long flags);

static int transfer(remote_transfer *call, const char *word, pid_t pid,
		    const struct remote_piece *pieces, size_t n, struct err *err)
{
	struct iovec here[REMOTE_PIECES], there[REMOTE_PIECES];
	size_t all = 0;
	ssize_t done;

	for (size_t i = 0; i < n; i++) {
		here[i] = (struct iovec){ pieces[i].buf, pieces[i].size };
		there[i] = (struct iovec){ (void *)(uintptr_t)pieces[i].addr, pieces[i].size };
		all += pieces[i].size;
	}
	done = call(pid, here, n, there, n, 0);
	if (done == (ssize_t)all)
		return 0;
	return err_set(err, done < 0 ? errno : EFAULT, "cannot %s %zu bytes at %#lx of process %d",
		       word, all, (unsigned long)pieces[0].addr, pid);
}

int remote_read_pieces(pid_t pid, const struct remote_piece *pieces, size_t n, struct err *err)
{
	return transfer(process_vm_readv, "read", pid, pieces, n, err);
}

int remote_write_pieces(pid_t pid, const struct remote_piece *pieces, size_t n, struct err *err)
{
	return transfer(process_vm_writev, "write", pid, pieces, n, err);
}

int remote_read(pid_t pid, uint64_t addr, void *buf, size_t size, struct err *err)
{
	return remote_read_pieces(pid, &(struct remote_piece){ addr, buf, size }, 1, err);
}

int remote_write(pid_t pid, uint64_t addr, const void *buf, size_t size, struct err *err)
{
	struct remote_piece piece = { addr, (void *)(uintptr_t)buf, size };

	return remote_write_pieces(pid, &piece, 1, err);
}

/* As tracee_take. -EINTR: it has ended, which the kernel tells when its threads have been waited for. */
static int take_leader(const struct tracee *t, int *status)
{
	struct tick tick = { 0 };
	int rc = tracee_take(t, true, status);

	if (rc != 0)
		return rc;
	tick_start(&tick, REMOTE_TICK_NS, NULL); /* without it, it is as for all others */
	do {
		rc = tracee_take(t, false, status);
	} while (rc == -EINTR && explain_state(t->pid, t->tid) != 'Z');
	tick_stop(&tick);
	return rc;
}

static int take(const struct tracee *t, int *status)
{
	int rc;

	if (t->leads)
		return take_leader(t, status);
	do {
		rc = tracee_take(t, false, status);
	} while (rc == -EINTR);
	return rc;
}

int remote_wait(struct tracee *t, int *status, struct err *err)
{
	int rc = take(t, status);

	if (rc > 0 && WIFSTOPPED(*status))
		return 0;
	if (rc != -EINTR) /* else it is as one that was killed while it stood */
		t->state = TRACEE_GONE;
	return err_say(err, ESRCH, "process %d was killed from outside", t->pid);
}

int remote_open(struct remote *r, struct tracee *t, const struct park_thread *thread,
		const struct home_places *places, struct park_memory *memory, struct err *err)
{
	int rc;

	*r = (struct remote){ .tracee = t };
	rc = regs_get(t->tid, &r->saved, err);
	if (rc >= 0)
		rc = regs_get_sigmask(t->tid, &r->sigmask, err);
	if (rc >= 0)
		rc = home_open(&r->home, thread, t->tid == t->pid, &r->saved, r->sigmask, places,
			       memory, err);
	r->insn = r->home.insn;
	if (rc >= 0)
		rc = regs_set_sigmask(t->tid, ~UINT64_C(0), err);
	r->open = rc >= 0;
	return rc;
}

/* Into the stop inside signal handling: only from there does the kernel restart the call it stands in. */
static void head_back(const struct tracee *t)
{
	ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	ptrace(PTRACE_CONT, t->tid, 0, 0);
}

void remote_close_begin(struct remote *r)
{
	struct tracee *t = r->tracee;

	if (!r->open || t->state == TRACEE_GONE)
		return;
	regs_set(t->tid, &r->saved, NULL);
	fault_point("remote.restored");
	head_back(t);
}

void remote_close_end(struct remote *r)
{
	struct tracee *t = r->tracee;
	int status;

	while (r->open && t->state != TRACEE_GONE && remote_wait(t, &status, NULL) >= 0) {
		if (status >> 16 == PTRACE_EVENT_STOP) {
			regs_set_sigmask(t->tid, r->sigmask, NULL);
			break;
		}
		head_back(t);
	}
	r->open = false;
	home_close(&r->home);
}

void remote_close(struct remote *r)
{
	remote_close_begin(r);
	remote_close_end(r);
}

static int run_on(struct remote *r, struct err *err)
{
	if (ptrace(PTRACE_SYSCALL, r->tracee->tid, 0, 0) < 0)
		return err_set(err, errno, "cannot run thread %d", r->tracee->tid);
	return 0;
}

/* For the next system call stop. */
static int await(struct remote *r, struct err *err)
{
	int status, rc = remote_wait(r->tracee, &status, err);

	while (rc >= 0 && WSTOPSIG(status) != (SIGTRAP | 0x80)) {
		rc = run_on(r, err);
		if (rc >= 0)
			rc = remote_wait(r->tracee, &status, err);
	}
	return rc;
}

int remote_call_begin(struct remote *r, long nr, const uint64_t args[6], struct err *err)
{
	struct user_regs_struct regs = r->saved;
	int rc;

	regs_prepare_call(&regs, r->insn, nr, args);
	if (r->home.stack)
		regs_set_sp(&regs, r->home.stack);
	fault_point("remote.prepared");
	rc = regs_set(r->tracee->tid, &regs, err);
	fault_point("remote.set");
	return rc < 0 ? rc : run_on(r, err);
}

int remote_call_enter(struct remote *r, struct err *err)
{
	int rc = await(r, err);

	fault_point("remote.entered");
	return rc < 0 ? rc : run_on(r, err);
}

int remote_call_end(struct remote *r, long *result, struct err *err)
{
	struct user_regs_struct regs;
	int rc = await(r, err);

	fault_point("remote.called");
	if (rc >= 0)
		rc = regs_get(r->tracee->tid, &regs, err);
	*result = rc < 0 ? rc : regs_result(&regs);
	return rc < 0 ? rc : 0;
}

int remote_call(struct remote *r, long nr, const uint64_t args[6], long *result, struct err *err)
{
	int rc = remote_call_begin(r, nr, args, err);

	*result = 0;
	if (rc >= 0)
		rc = remote_call_enter(r, err);
	return rc < 0 ? rc : remote_call_end(r, result, err);
}
