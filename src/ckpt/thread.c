/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to one thread. */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/proc.h"
#include "host/procid.h"
#include "procfs/stat.h"
#include "procfs/status.h"
#include "trace/explain.h"
#include "trace/regs.h"
#include "trace/rseq.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

enum {
	THREAD_CPUS_MAX = 8192 / 8, /* bytes of the largest CPU mask there is */
	THREAD_SCHED_FLAGS = 1 | 2 | 4, /* SCHED_FLAG_RESET_ON_FORK, RECLAIM, DL_OVERRUN */
	THREAD_IOPRIO_PROCESS = 1, /* IOPRIO_WHO_PROCESS: one thread, in fact */
	THREAD_IO_FLUSHER = 0x00180000, /* PF_MEMALLOC_NOIO, PF_LOCAL_THROTTLE */
};

struct thread_sud { /* struct ptrace_sud_config */
	uint64_t mode, selector, offset, len;
};

struct thread_sched { /* struct sched_attr, version 1 */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max; /* left 0 by a kernel that has no clamps */
};

enum { /* ptrace requests that Debian 12's headers may not name */
       THREAD_GET_SUD = 0x4211,
};

static void thread_sched(struct img_thread *t)
{
	struct thread_sched s = { .size = sizeof(s) };
	long rc = sys4(__NR_sched_getattr, t->tid, &s, sizeof(s), 0);

	if (rc < 0)
		return;
	t->sched_policy = s.policy;
	t->sched_priority = (int32_t)s.priority;
	t->nice = s.nice;
	t->sched_flags = (uint32_t)s.flags & THREAD_SCHED_FLAGS;
	t->sched_runtime = s.runtime;
	t->sched_deadline = s.deadline;
	t->sched_period = s.period;
	t->util_min = s.util_min;
	t->util_max = s.util_max;
	rc = sys2(__NR_ioprio_get, THREAD_IOPRIO_PROCESS, t->tid);
	t->ioprio = rc < 0 ? 0 : (uint32_t)rc;
}

static void thread_user_structures(struct img_thread *t)
{
	struct rseq_config rseq;
	struct thread_sud sud = { 0 };
	uint64_t head = 0, len = 0;

	if (sys3(__NR_get_robust_list, t->tid, &head, &len) == 0) {
		t->robust_head = head;
		t->robust_len = len;
	}
	if (rseq_ask(t->tid, &rseq)) {
		t->rseq_ptr = rseq.ptr;
		t->rseq_size = rseq.size;
		t->rseq_sig = rseq.signature;
		t->rseq_flags = rseq.flags;
	}
	if (sys4(__NR_ptrace, THREAD_GET_SUD, t->tid, sizeof(sud), &sud) == 0 && sud.mode) {
		t->flags |= IMG_THREAD_SUD;
		t->sud_mode = sud.mode;
		t->sud_offset = sud.offset;
		t->sud_len = sud.len;
		t->sud_selector = sud.selector;
	}
}

static bool thread_has_groups(const struct model *m, const struct status *s)
{
	struct scan groups = s->groups;
	size_t n = 0;
	uint32_t gid;

	while (status_next_group(&groups, &gid))
		if (n == m->groups.n || m->groups.at[n++] != gid)
			return false;
	return n == m->groups.n;
}

static bool thread_has_ids(const struct img_process *p, const struct status *s)
{
	return !memcmp(p->uid, s->uid, sizeof(p->uid)) && !memcmp(p->gid, s->gid, sizeof(p->gid)) &&
	       p->cap_inheritable == s->cap_inheritable && p->cap_permitted == s->cap_permitted &&
	       p->cap_effective == s->cap_effective && p->cap_bounding == s->cap_bounding &&
	       p->cap_ambient == s->cap_ambient;
}

/* Credentials are one set per thread; libc's setuid and the like keep them the same, raw calls do not. */
static int thread_keep_ids(struct model *m, const struct status *s, pid_t tid, struct err *err)
{
	struct scan groups = s->groups;
	OWNED_PTR uint32_t *ids = NULL;
	struct img_cred *k = NULL;
	uint32_t gid;
	size_t n = 0;

	if (thread_has_ids(&m->process, s) && thread_has_groups(m, s))
		return 0;
	while (status_next_group(&groups, &gid))
		n++;
	ids = calloc(n + 1, sizeof(*ids));
	if (ids)
		k = model_add(&m->creds);
	if (!k)
		return err_set(err, ENOMEM, "keep the ids of a thread");
	*k = (struct img_cred){ .tid = tid,
				.cap_inheritable = s->cap_inheritable,
				.cap_permitted = s->cap_permitted,
				.cap_effective = s->cap_effective,
				.cap_bounding = s->cap_bounding,
				.cap_ambient = s->cap_ambient };
	memcpy(k->uid, s->uid, sizeof(k->uid));
	memcpy(k->gid, s->gid, sizeof(k->gid));
	groups = s->groups;
	for (size_t i = 0; i < n; i++)
		status_next_group(&groups, &ids[i]);
	return n ? model_put_bytes(m, &k->groups, ids, n * sizeof(*ids)) : 0;
}

/* Only those may be flushers who can resize the kernel's limits: nowhere else is it looked for. */
static int thread_flusher(const struct capture *c, struct img_thread *t, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct stat_line s = { .flags = c->task_flags };
	char name[64];
	size_t len;
	int rc = 0;

	if (!c->flushers)
		return 0;
	if (t->tid != c->alive) {
		text_format(name, sizeof(name), "task/%d/stat",
			    procid_shown_thread(c->parked->pid, t->tid));
		rc = proc_read_record(c->alive, name, &text, &len, err);
		if (rc >= 0)
			rc = stat_parse(&s, text, len, err);
	}
	if (rc >= 0 && (s.flags & THREAD_IO_FLUSHER) == THREAD_IO_FLUSHER)
		t->flags |= IMG_THREAD_IO_FLUSHER;
	return rc;
}

/* What /proc/PID/task/TID tells of another thread than the one that stands for the process. */
static int thread_read(const struct capture *c, struct img_thread *t, struct status *status,
		       struct err *err)
{
	OWNED_PTR char *comm = NULL;
	OWNED_PTR char *text = NULL;
	pid_t shown = procid_shown_thread(c->parked->pid, t->tid);
	char name[64];
	size_t len;
	int rc;

	text_format(name, sizeof(name), "task/%d/comm", shown);
	rc = proc_read_record(c->alive, name, &comm, &len, err);
	if (rc < 0)
		return rc;
	if (len && comm[len - 1] == '\n')
		comm[--len] = '\0';
	memcpy(t->comm, comm, len < sizeof(t->comm) ? len : sizeof(t->comm) - 1);
	text_format(name, sizeof(name), "task/%d/status", shown);
	rc = proc_read_record(c->alive, name, &text, &len, err);
	if (rc >= 0)
		rc = status_parse(status, text, len, err);
	return rc < 0 ? rc : thread_keep_ids(c->m, status, t->tid, err);
}

static int thread_proc(const struct capture *c, struct img_thread *t, struct err *err)
{
	_Static_assert(sizeof(t->comm) == sizeof(c->comm), "one length");
	struct status status = c->status;
	int rc = 0;

	if (t->tid == c->alive)
		memcpy(t->comm, c->comm, sizeof(t->comm));
	else
		rc = thread_read(c, t, &status, err);
	if (rc < 0)
		return rc;
	if (status.shadow_stack)
		return err_say(err, ENOTSUP,
			       "it has a shadow stack, which cannot be checkpointed: start the "
			       "program without (GLIBC_TUNABLES=glibc.cpu.x86_shstk=off)");
	if (status.no_new_privs)
		t->flags |= IMG_THREAD_NO_NEW_PRIVS;
	t->seccomp_mode = status.seccomp;
	/* What the agent has as well is inherited again. */
	if (explain_has_own(status.seccomp, status.seccomp_filters)) {
		t->flags |= IMG_THREAD_SECCOMP;
		if (status.seccomp == SECCOMP_MODE_FILTER)
			rc = capture_seccomp(c->m, t, err);
	}
	if (rc < 0)
		return rc;
	t->no_store_bypass = (uint16_t)status.no_store_bypass;
	t->no_indirect_branch = (uint16_t)status.no_indirect_branch;
	return thread_flusher(c, t, err);
}

static int thread_registers(struct capture *c, const struct park_thread *p, size_t at,
			    struct err *err)
{
	_Static_assert(sizeof(p->regs) == sizeof(((struct img_thread *)0)->regs), "one layout");
	OWNED_PTR uint8_t *xsave = malloc(REGS_XSAVE_MAX);
	struct user_regs_struct regs = p->regs;
	struct img_thread *t;
	int rc = xsave ? regs_get_xsave(p->tid, xsave, REGS_XSAVE_MAX, err)
		       : err_set(err, ENOMEM, "read registers");

	if (rc < 0)
		return rc;
	if (!c->m->machine.xsave_size)
		c->m->machine.xsave_size = (uint32_t)rc;
	rc = model_put_bytes(c->m, &c->m->threads.at[at].xsave, xsave, (size_t)rc);
	if (rc < 0)
		return err_set(err, rc, "keep registers");
	t = &c->m->threads.at[at];
	regs_make_startable(&regs, p->syscall);
	memcpy(t->regs, &regs, sizeof(regs));
	t->sigmask = p->sigmask;
	t->time_left_ns = p->time_left_ns;
	t->done = p->done;
	t->interrupted = p->syscall >= 0 ? (uint32_t)-regs_result(&p->regs) : 0;
	return 0;
}

static int thread_affinity(struct capture *c, struct img_thread *t, struct err *err)
{
	uint8_t mask[THREAD_CPUS_MAX] = { 0 };
	long rc = sys3(__NR_sched_getaffinity, t->tid, sizeof(mask), mask);

	if (rc < 0)
		return err_set(err, (int)rc, "CPUs of thread %d", t->tid);
	rc = model_put_bytes(c->m, &t->affinity, mask, (size_t)rc);
	return rc < 0 ? err_set(err, (int)rc, "keep CPUs") : 0;
}

static int thread_capture(struct capture *c, const struct park_thread *p,
			  const struct probe_thread *probed, struct err *err)
{
	struct img_thread *t = model_add(&c->m->threads);
	size_t at = c->m->threads.n - 1;
	int rc;

	if (!t)
		return err_set(err, ENOMEM, "keep threads");
	t->tid = p->tid;
	t->time_left_ns = -1;
	if (p->exited) {
		t->flags |= IMG_THREAD_EXITED;
		return 0;
	}
	rc = thread_registers(c, p, at, err);
	if (rc < 0)
		return rc;
	thread_sched(t);
	thread_user_structures(t);
	if (probed) {
		t->altstack_sp = probed->altstack_sp;
		t->altstack_size = probed->altstack_size;
		t->altstack_flags = probed->altstack_flags;
		t->clear_child_tid = probed->clear_child_tid;
		t->timerslack_ns = probed->timerslack_ns;
		t->pdeathsig = probed->pdeathsig;
		t->flags |= probed->flags;
	}
	rc = thread_affinity(c, t, err);
	return rc < 0 ? rc : thread_proc(c, t, err);
}

int capture_threads(struct capture *c, const struct probe_report *report, struct err *err)
{
	for (size_t i = 0; i < c->parked->nthreads; i++) {
		const struct park_thread *p = &c->parked->threads[i];
		int rc = thread_capture(
			c, p, report && report->threads ? &report->threads[i] : NULL, err);

		if (rc < 0)
			return err_add(err, "thread %d", p->tid);
	}
	return 0;
}
