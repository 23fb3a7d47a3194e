/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/probe.h"

#include "host/fault.h"
#include "procfs/status.h"
#include "trace/explain.h"
#include "trace/park_state.h"
#include "trace/probe_state.h"
#include "trace/suspend.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

extern const uint8_t probe_blob_start[], probe_blob_end[];

/* The signals of a thread. */
struct mood {
	uint64_t caught, pending;
};

static int add_pending(pid_t tid, uint32_t flags, uint64_t *pending, struct err *err)
{
	siginfo_t info[8];
	struct __ptrace_peeksiginfo_args args = { .flags = flags, .nr = 8 };
	long n;

	while ((n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, info)) > 0) {
		for (long i = 0; i < n; i++)
			*pending |= UINT64_C(1) << ((unsigned int)info[i].si_signo - 1) % 64;
		args.off += (uint64_t)n;
	}
	return n < 0 ? err_set(err, errno, "pending signals of thread %d", tid) : 0;
}

/* The leader's: for what it catches its process's /proc/PID/stat does. */
static int leaders_mood(const struct park_process *process, struct mood *mood, struct err *err)
{
	int rc;

	*mood = (struct mood){ .caught = process->stat.sig_caught };
	rc = add_pending(process->pid, 0, &mood->pending, err);
	return rc < 0 ? rc
		      : add_pending(process->pid, PTRACE_PEEKSIGINFO_SHARED, &mood->pending, err);
}

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

/* Any of its threads may be the one that makes calls for us. */
static int suspend_all(const struct probe *probe, struct err *err)
{
	const struct tree_process *p = tree_process(&probe->park->state->tree, probe->process->pid);
	int rc = 0;

	for (size_t i = 0; p && i < p->n && rc >= 0; i++)
		if (p->at[i].state == TRACEE_STOPPED)
			rc = suspend_begin(&p->at[i], err);
	return rc;
}

static void suspend_none(const struct probe *probe)
{
	const struct tree_process *p = tree_process(&probe->park->state->tree, probe->process->pid);

	for (size_t i = 0; p && i < p->n; i++)
		if (p->at[i].state == TRACEE_STOPPED)
			suspend_end(&p->at[i]);
}

/* Of the signals whose default is to do nothing, the first that is not among @not; 0: there is none. */
static int harmless_signal(uint64_t not )
{
	static const int harmless[] = { SIGURG, SIGWINCH, SIGCHLD };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!(not >> (harmless[i] - 1) & 1))
			return harmless[i];
	return 0;
}

/*
 * The signal by which a job tells that it is done. Its default is to do nothing, and nothing it
 * does if we die at that moment, unless the program handles it. One that is pending would be one with ours.
 */
static int choose_signal(const struct mood *mood)
{
	int signo = harmless_signal(mood->caught | mood->pending);

	if (!signo)
		signo = harmless_signal(mood->pending);
	return signo ? signo : SIGURG;
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

	p->area_size = args[1];
	return remote_call_begin(&p->remote, SYS_mmap, args, err);
}

static int open_begin(struct probe *p, void *data, struct err *err)
{
	struct mood mood;
	size_t which = 0;
	struct tracee *t = usable(p->park, p->process, &which);
	int rc;

	(void)data;
	if (!t)
		return err_say(err, ESRCH, "it has no thread that could be asked");
	rc = t->tid == t->pid ? leaders_mood(p->process, &mood, err)
			      : read_mood(t->pid, t->tid, &mood, err);
	if (rc >= 0)
		rc = suspend_all(p, err);
	if (rc < 0)
		return rc;
	p->stop_signal = choose_signal(&mood);
	rc = remote_open(&p->remote, t, &p->process->threads[which], p->places,
			 p->park->state->memory, err);
	p->places = NULL;
	return rc < 0 ? rc : map_area(p, err);
}

static int call_enter(struct probe *p, void *data, struct err *err)
{
	(void)data;
	return remote_call_enter(&p->remote, err);
}

static int open_end(struct probe *p, void *data, struct err *err)
{
	long addr;
	int rc = remote_call_end(&p->remote, &addr, err);

	(void)data;
	if (rc < 0)
		return rc;
	if (addr == -EACCES)
		return err_say(
			err, EACCES,
			"it may have no memory that is both written and executed (PR_SET_MDWE, "
			"as systemd's MemoryDenyWriteExecute sets it), which looking at it needs");
	if (addr < 0 && addr > -4096)
		return err_set(err, (int)addr, "cannot map the probe");
	p->area = (uint64_t)addr;
	fault_point("probe.mapped");
	return remote_write(p->remote.tracee->tid, p->area + PROBE_AT_BLOB, probe_blob_start,
			    (uintptr_t)probe_blob_end - (uintptr_t)probe_blob_start, err);
}

int probe_each(struct probe *const *probes, size_t n, probe_step *step, void *data, size_t size,
	       int failed, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct err own = ERR_INIT;
		void *its = data ? (char *)data + i * size : NULL;

		if (!probes[i] || probes[i]->failed || step(probes[i], its, &own) >= 0)
			continue;
		probes[i]->failed = true;
		if (failed >= 0) {
			*err = own;
			failed = err_add(err, "process %d", probes[i]->process->pid);
		}
	}
	return failed;
}

int probe_new(struct probe **probe, struct park *park, struct park_process *process,
	      const struct home_places *places, struct err *err)
{
	struct probe *p = calloc(1, sizeof(*p));

	*probe = p;
	if (!p)
		return err_set(err, ENOMEM, "probing");
	p->park = park;
	p->process = process;
	p->places = places;
	return 0;
}

int probe_open(struct probe *const *probes, size_t n, struct err *err)
{
	int rc = probe_each(probes, n, open_begin, NULL, 0, 0, err);

	rc = probe_each(probes, n, call_enter, NULL, 0, rc, err);
	return probe_each(probes, n, open_end, NULL, 0, rc, err);
}

static int close_begin(struct probe *p, void *data, struct err *err)
{
	const uint64_t args[6] = { p->area, p->area_size };

	(void)data;
	if (!p->area || p->remote.tracee->state == TRACEE_GONE)
		return -ESRCH; /* nothing to call for */
	return remote_call_begin(&p->remote, SYS_munmap, args, err);
}

static int close_end(struct probe *p, void *data, struct err *err)
{
	long result;

	(void)data;
	return remote_call_end(&p->remote, &result, err);
}

void probe_close(struct probe *const *probes, size_t n)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		if (probes[i])
			probes[i]->failed = false;
	probe_each(probes, n, close_begin, NULL, 0, 0, &ignored);
	probe_each(probes, n, call_enter, NULL, 0, 0, &ignored);
	probe_each(probes, n, close_end, NULL, 0, 0, &ignored);
	fault_point("probe.unmapped");
	for (size_t i = 0; i < n; i++)
		if (probes[i])
			remote_close_begin(&probes[i]->remote);
	for (size_t i = 0; i < n; i++) {
		if (probes[i]) {
			remote_close_end(&probes[i]->remote);
			suspend_none(probes[i]);
		}
		free(probes[i]);
	}
}
