/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/probe.h"

#include "host/fault.h"
#include "procfs/status.h"
#include "trace/explain.h"
#include "trace/park_state.h"
#include "trace/probe_state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

extern const uint8_t probe_blob_start[], probe_blob_end[];

/* What of /proc/PID/task/TID/status matters here. */
struct mood {
	uint64_t caught, pending;
};

static int read_mood(pid_t pid, pid_t tid, struct mood *mood, struct err *err)
{
	char buf[3072];
	struct status status;
	long len = explain_read(pid, tid, "status", buf, sizeof(buf));

	if (len < 0 || status_parse(&status, buf, (size_t)len, NULL) < 0)
		return err_set(err, len < 0 ? (int)len : EBADMSG,
			       "cannot read the status of thread %d", tid);
	*mood = (struct mood){ status.sig_caught, status.sig_pending | status.shared_pending };
	return 0;
}

/* One thread's filter is as bad as all: every thread has to be asked. */
static int check_seccomp(struct park *park, const struct park_process *process, struct err *err)
{
	const struct tree_process *p = tree_process(&park->state->tree, process->pid);

	for (size_t i = 0; p && i < p->n; i++)
		if (p->at[i].state == TRACEE_STOPPED && p->at[i].filtered)
			return err_say(err, EPERM,
				       "process %d has a seccomp filter, which may kill it if "
				       "asked to make "
				       "system calls for us",
				       process->pid);
	return 0;
}

/*
 * The signal by which a job tells that it is done. Its default is to do nothing, and nothing it
 * does if we die at that moment, unless the program handles it.
 */
static int choose_signal(const struct mood *mood)
{
	static const int harmless[] = { SIGURG, SIGWINCH, SIGCHLD };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!((mood->caught | mood->pending) >> (harmless[i] - 1) & 1))
			return harmless[i];
	return SIGURG;
}

/* The first thread that stands; *@which is its index. */
static struct tracee *usable(struct park *park, const struct park_process *process, size_t *which)
{
	for (size_t i = 0; i < process->nthreads; i++) {
		struct tracee *t =
			tree_find(&park->state->tree, process->pid, process->threads[i].tid);

		*which = i;
		if (t && t->state == TRACEE_STOPPED)
			return t;
	}
	return NULL;
}

/*
 * Shared, so that it becomes one with no mapping of the program's, and so that the copy's results are seen.
 */
static int map_area(struct probe *p, struct err *err)
{
	uint64_t size = PROBE_AT_SLOTS + p->process->nthreads * PROBE_SLOT_SIZE;
	const uint64_t args[6] = { 0,
				   (size + 4095) & ~UINT64_C(4095),
				   PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_SHARED | MAP_ANONYMOUS,
				   (uint64_t)-1,
				   0 };
	long addr;
	int rc = remote_call(&p->remote, SYS_mmap, args, &addr, err);

	if (rc < 0)
		return rc;
	if (addr < 0 && addr > -4096)
		return err_set(err, (int)addr, "cannot map the probe into process %d",
			       p->process->pid);
	p->area = (uint64_t)addr;
	p->area_size = args[1];
	fault_point("probe.mapped");
	return remote_write(p->remote.tracee->tid, p->area + PROBE_AT_BLOB, probe_blob_start,
			    (uintptr_t)probe_blob_end - (uintptr_t)probe_blob_start, err);
}

static int open_in(struct probe *p, struct tracee *t, size_t which, struct err *err)
{
	struct park_state *state = p->park->state;
	struct mood mood;
	int rc = read_mood(t->pid, t->tid, &mood, err);

	if (rc >= 0)
		rc = check_seccomp(p->park, p->process, err);
	if (rc < 0)
		return rc;
	p->stop_signal = choose_signal(&mood);
	rc = remote_open(&p->remote, t, &p->process->threads[which], state->memory, err);
	return rc < 0 ? rc : map_area(p, err);
}

int probe_open(struct probe **probe, struct park *park, struct park_process *process,
	       struct err *err)
{
	size_t which = 0;
	struct tracee *t = usable(park, process, &which);
	struct probe *p;
	int rc;

	*probe = NULL;
	if (!t)
		return err_say(err, ESRCH, "process %d has no thread that could be asked",
			       process->pid);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, ENOMEM, "probing");
	p->park = park;
	p->process = process;
	rc = open_in(p, t, which, err);
	if (rc < 0)
		probe_close(p);
	else
		*probe = p;
	return rc;
}

void probe_close(struct probe *p)
{
	const uint64_t args[6] = { p ? p->area : 0, p ? p->area_size : 0 };
	long result;

	if (!p)
		return;
	if (p->area && p->remote.tracee->state != TRACEE_GONE)
		remote_call(&p->remote, SYS_munmap, args, &result, NULL);
	fault_point("probe.unmapped");
	remote_close(&p->remote);
	free(p);
}

void probe_area(const struct probe *p, uint64_t *start, uint64_t *end)
{
	*start = p->area;
	*end = p->area + p->area_size;
}
