/* SPDX-License-Identifier: Apache-2.0 */
/* What only the process itself can ask: probe_collect. */
#include "base/owned.h"
#include "trace/park_state.h"
#include "trace/probe_state.h"
#include "trace/regs.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

enum {
	COLLECT_TIMERS_AT_ONCE = 64,
	COLLECT_NODES = sizeof((struct img_policy){ 0 }.nodes),
	COLLECT_NODES_AT_ONCE = PROBE_OUT_MAX / COLLECT_NODES,
	COLLECT_MEMBARRIER_REGISTRATIONS = 1 << 9, /* linux/membarrier.h, since 6.3 */
	COLLECT_LDT = 8, /* bytes: one entry */
	COLLECT_GET_MEMORY_MERGE = 68, /* linux/prctl.h, since 6.4 */
	COLLECT_OWN_CALLS = 8, /* what each thread is asked */
};

/* Stands for "where the result goes" among a call's arguments. */
static const uint64_t collect_out = PROBE_ASK_DATA;

struct batch {
	struct probe_call calls[PROBE_CALLS_MAX];
	uint32_t out_at[PROBE_CALLS_MAX]; /* where in @out its result goes */
	uint8_t out[PROBE_OUT_MAX];
	uint32_t n, out_used;
	uint64_t out_addr; /* of @out in the process */
};

/* Add a call with up to @size bytes of result; its index. */
static uint32_t batch_add(struct batch *b, long nr, uint32_t size, const uint64_t args[5])
{
	struct probe_call *c = &b->calls[b->n];

	*c = (struct probe_call){ .nr = (uint64_t)nr };
	for (unsigned int i = 0; i < 5; i++)
		c->args[i] = args[i] == collect_out ? b->out_addr + b->out_used : args[i];
	b->out_at[b->n] = b->out_used;
	b->out_used += (size + 7) & ~7U;
	return b->n++;
}

#define BATCH_ADD(b, nr, size, ...) batch_add(b, nr, size, (const uint64_t[5]){ __VA_ARGS__ })

/* The result of call @i; what it has filled in goes to @to. */
static int64_t batch_take(const struct batch *b, uint32_t i, void *to, size_t size)
{
	if (b->calls[i].result >= 0 && to)
		memcpy(to, b->out + b->out_at[i], size);
	return b->calls[i].result;
}

static struct batch *batch_new(const struct probe *p)
{
	struct batch *b = malloc(sizeof(*b)); /* large, and little of it is used */

	if (b) {
		b->n = b->out_used = 0;
		b->out_addr = p->area + PROBE_AT_OUT;
	}
	return b;
}

/* Have it all done by the probe's thread. */
static int batch_begin(struct probe *p, struct batch *b, struct err *err)
{
	const struct remote *r = &p->remote;
	pid_t pid = r->tracee->tid; /* the leader may have ended: then it has no memory */
	struct probe_job job;
	const struct remote_piece pieces[] = {
		{ p->area + PROBE_AT_SLOT, &job, sizeof(job) },
		{ p->area + PROBE_AT_CALLS, b->calls, b->n * sizeof(b->calls[0]) },
	};
	int rc;

	job_init(&job, p, &r->saved, r->sigmask);
	job.calls = p->area + PROBE_AT_CALLS;
	job.ncalls = b->n;
	rc = remote_write_pieces(pid, pieces, 2, err);
	if (rc >= 0)
		rc = job_start(p, r->tracee, &r->saved, p->area + PROBE_AT_SLOT, err);
	return rc;
}

static int batch_end(struct probe *p, struct batch *b, struct err *err)
{
	const struct remote_piece pieces[] = {
		{ p->area + PROBE_AT_CALLS, b->calls, b->n * sizeof(b->calls[0]) },
		{ b->out_addr, b->out, b->out_used },
	};
	int rc = job_wait(p, p->remote.tracee, err);

	return rc < 0 ? rc : remote_read_pieces(p->remote.tracee->tid, pieces, 2, err);
}

static int batch_run(struct probe *p, struct batch *b, struct err *err)
{
	int rc = batch_begin(p, b, err);

	return rc < 0 ? rc : batch_end(p, b, err);
}

int probe_ask(struct probe *p, long nr, const uint64_t args[4], void *data, size_t size,
	      int64_t *result, struct err *err)
{
	OWNED_PTR struct batch *b = batch_new(p);
	int rc;

	if (!b)
		return err_set(err, ENOMEM, "probing");
	BATCH_ADD(b, nr, (uint32_t)size, args[0], args[1], args[2], args[3]);
	rc = remote_write(p->remote.tracee->tid, b->out_addr, data, size, err);
	if (rc >= 0)
		rc = batch_run(p, b, err);
	if (rc < 0)
		return rc;
	memcpy(data, b->out, size);
	*result = b->calls[0].result;
	return 0;
}

static int64_t usec(const struct timeval *tv)
{
	return tv->tv_sec * 1000000 + tv->tv_usec;
}

static int64_t nsec(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000 + ts->tv_nsec;
}

static void add_signals(struct batch *b, const struct probe_report *report)
{
	for (unsigned int sig = 1; sig < 65; sig++)
		BATCH_ADD(b, SYS_rt_sigaction, sizeof(report->sigactions[0]), sig, 0, collect_out,
			  8);
	for (unsigned int i = 0; i < 3; i++)
		BATCH_ADD(b, SYS_getitimer, sizeof(struct itimerval), i, collect_out);
}

static void take_signals(const struct batch *b, struct probe_report *report)
{
	struct itimerval it;

	for (unsigned int sig = 1; sig < 65; sig++)
		batch_take(b, sig - 1, &report->sigactions[sig], sizeof(report->sigactions[0]));
	for (unsigned int i = 0; i < 3; i++) {
		if (batch_take(b, 64 + i, &it, sizeof(it)) < 0)
			continue;
		report->itimer_value_us[i] = usec(&it.it_value);
		report->itimer_interval_us[i] = usec(&it.it_interval);
	}
}

/* What PR_GET_TSC and PR_MCE_KILL_GET say. */
static uint32_t thread_flags(uint32_t tsc, int64_t mce_kill)
{
	return (tsc == PR_TSC_SIGSEGV ? IMG_THREAD_NO_TSC : 0u) |
	       (mce_kill == PR_MCE_KILL_EARLY ? IMG_THREAD_MCE_EARLY : 0u) |
	       (mce_kill == PR_MCE_KILL_LATE ? IMG_THREAD_MCE_LATE : 0u);
}

/* Of the thread that does most: what all others are asked for in ask_all. */
static void take_own(const struct batch *b, uint32_t at, struct probe_thread *t)
{
	stack_t altstack;
	uint32_t pdeathsig = 0, tsc = 0;

	if (batch_take(b, at, &altstack, sizeof(altstack)) == 0) {
		t->altstack_sp = (uint64_t)(uintptr_t)altstack.ss_sp;
		t->altstack_size = altstack.ss_size;
		t->altstack_flags = (uint32_t)altstack.ss_flags;
	}
	batch_take(b, at + 1, &pdeathsig, sizeof(pdeathsig));
	t->pdeathsig = pdeathsig;
	batch_take(b, at + 2, &t->clear_child_tid, sizeof(t->clear_child_tid));
	if (b->calls[at + 3].result >= 0)
		t->timerslack_ns = (uint64_t)b->calls[at + 3].result;
	batch_take(b, at + 4, &t->policy, sizeof(t->policy));
	batch_take(b, at + 5, t->nodes, sizeof(t->nodes));
	batch_take(b, at + 6, &tsc, sizeof(tsc));
	t->flags = thread_flags(tsc, b->calls[at + 7].result);
}

static void add_own(struct batch *b)
{
	BATCH_ADD(b, SYS_sigaltstack, sizeof(stack_t), 0, collect_out);
	BATCH_ADD(b, SYS_prctl, 4, PR_GET_PDEATHSIG, collect_out);
	BATCH_ADD(b, SYS_prctl, 8, PR_GET_TID_ADDRESS, collect_out);
	BATCH_ADD(b, SYS_prctl, 0, PR_GET_TIMERSLACK);
	BATCH_ADD(b, SYS_get_mempolicy, 8, collect_out);
	BATCH_ADD(b, SYS_get_mempolicy, COLLECT_NODES, 0, collect_out, 8 * COLLECT_NODES);
	BATCH_ADD(b, SYS_prctl, 4, PR_GET_TSC, collect_out);
	BATCH_ADD(b, SYS_prctl, 0, PR_MCE_KILL_GET);
}

/* The modes of mappings, from @first on; how many have found room. */
static size_t add_places(struct batch *b, const struct probe_report *report, size_t first)
{
	size_t n = 0;

	while (b->n < PROBE_CALLS_MAX && first + n < report->nplaces)
		BATCH_ADD(b, SYS_get_mempolicy, 8, collect_out, 0, 0,
			  report->places[first + n++].start, MPOL_F_ADDR);
	return n;
}

static void take_places(const struct batch *b, uint32_t at, struct img_policy *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		batch_take(b, at + (uint32_t)i, &places[i].mode, sizeof(places[i].mode));
}

/* Of collect_settings, after those of add_signals. */
enum {
	COLLECT_DUMPABLE = 64 + 3,
	COLLECT_KEEPCAPS,
	COLLECT_THP,
	COLLECT_SECUREBITS,
	COLLECT_SUBREAPER,
	COLLECT_MEMBARRIER,
	COLLECT_BRK,
	COLLECT_HAS_LDT,
	COLLECT_MERGE,
	COLLECT_CONTINUED,
	COLLECT_OWN,
	COLLECT_PLACES = COLLECT_OWN + COLLECT_OWN_CALLS,
};

/* All that one thread can say at once: each time that it is let go and stopped again costs the pause. */
static int collect_settings(struct probe *p, void *data, struct err *err)
{
	const struct probe_report *report = data;
	struct batch *b = batch_new(p);

	if (!b)
		return err_set(err, ENOMEM, "probing");
	p->batch = b;
	add_signals(b, report);
	BATCH_ADD(b, SYS_prctl, 0, PR_GET_DUMPABLE);
	BATCH_ADD(b, SYS_prctl, 0, PR_GET_KEEPCAPS);
	BATCH_ADD(b, SYS_prctl, 0, PR_GET_THP_DISABLE);
	BATCH_ADD(b, SYS_prctl, 0, PR_GET_SECUREBITS);
	BATCH_ADD(b, SYS_prctl, 4, PR_GET_CHILD_SUBREAPER, collect_out);
	BATCH_ADD(b, SYS_membarrier, 0, COLLECT_MEMBARRIER_REGISTRATIONS);
	BATCH_ADD(b, SYS_brk, 0, 0);
	BATCH_ADD(b, SYS_modify_ldt, COLLECT_LDT, 0, collect_out, COLLECT_LDT);
	BATCH_ADD(b, SYS_prctl, 0, COLLECT_GET_MEMORY_MERGE);
	BATCH_ADD(b, SYS_waitid, sizeof(siginfo_t), P_ALL, 0, collect_out,
		  WCONTINUED | WNOHANG | WNOWAIT | __WALL);
	add_own(b);
	add_places(b, report, 0);
	return batch_begin(p, b, err);
}

static void take_settings(const struct batch *b, struct probe_report *report)
{
	siginfo_t child = { 0 };

	take_signals(b, report);
	report->dumpable = (int32_t)b->calls[COLLECT_DUMPABLE].result;
	report->keepcaps = (int32_t)b->calls[COLLECT_KEEPCAPS].result;
	report->thp_disable = (int32_t)b->calls[COLLECT_THP].result;
	report->securebits = (int32_t)b->calls[COLLECT_SECUREBITS].result;
	batch_take(b, COLLECT_SUBREAPER, &report->subreaper, sizeof(report->subreaper));
	report->membarrier = b->calls[COLLECT_MEMBARRIER].result;
	report->brk = (uint64_t)b->calls[COLLECT_BRK].result;
	report->memory_merge = b->calls[COLLECT_MERGE].result > 0;
	report->ldt = b->calls[COLLECT_HAS_LDT].result > 0;
	batch_take(b, COLLECT_CONTINUED, &child, sizeof(child));
	report->child_continued = child.si_pid > 0;
}

static int collect_timers(struct probe *p, struct probe_timer *timers, size_t n, struct err *err)
{
	OWNED_PTR struct batch *b = batch_new(p);
	struct itimerspec its;
	int rc;

	if (!b)
		return err_set(err, ENOMEM, "probing");
	for (size_t i = 0; i < n; i++) {
		BATCH_ADD(b, SYS_timer_gettime, sizeof(its), (uint64_t)timers[i].id, collect_out);
		BATCH_ADD(b, SYS_timer_getoverrun, 0, (uint64_t)timers[i].id);
	}
	rc = batch_run(p, b, err);
	for (uint32_t i = 0; rc >= 0 && i < n; i++) {
		if (batch_take(b, 2 * i, &its, sizeof(its)) < 0)
			continue;
		timers[i].left_ns = nsec(&its.it_value);
		timers[i].interval_ns = nsec(&its.it_interval);
		timers[i].overrun = (int32_t)b->calls[2 * i + 1].result;
	}
	return rc;
}

/* The modes of those mappings that there was no room for in the settings' batch. */
static int collect_places(struct probe *p, const struct probe_report *report, size_t first,
			  struct err *err)
{
	int rc = 0;

	while (rc >= 0 && first < report->nplaces) {
		OWNED_PTR struct batch *b = batch_new(p);
		size_t n;

		if (!b)
			return err_set(err, ENOMEM, "probing");
		n = add_places(b, report, first);
		rc = batch_run(p, b, err);
		if (rc >= 0)
			take_places(b, 0, report->places + first, n);
		first += n;
	}
	return rc;
}

static int ask_nodes(struct probe *p, struct img_policy *const *asked, size_t n, struct err *err)
{
	OWNED_PTR struct batch *b = batch_new(p);
	int rc;

	if (!b)
		return err_set(err, ENOMEM, "probing");
	for (size_t i = 0; i < n; i++)
		BATCH_ADD(b, SYS_get_mempolicy, COLLECT_NODES, 0, collect_out, 8 * COLLECT_NODES,
			  asked[i]->start, MPOL_F_ADDR);
	rc = batch_run(p, b, err);
	for (uint32_t i = 0; rc >= 0 && i < n; i++)
		batch_take(b, i, asked[i]->nodes, COLLECT_NODES);
	return rc;
}

/* Hardly any has a policy of its own: only those are asked for their nodes. */
static int collect_nodes(struct probe *p, const struct probe_report *report, struct err *err)
{
	struct img_policy *asked[COLLECT_NODES_AT_ONCE];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < report->nplaces; i++) {
		if (!report->places[i].mode)
			continue;
		asked[n++] = &report->places[i];
		if (n == COLLECT_NODES_AT_ONCE) {
			rc = ask_nodes(p, asked, n, err);
			n = 0;
		}
	}
	return rc < 0 || !n ? rc : ask_nodes(p, asked, n, err);
}

/* What every thread has to be asked for itself. It does so in a slot of its own. */
struct thread_slot {
	struct probe_job job;
	struct probe_call calls[COLLECT_OWN_CALLS];
	stack_t altstack;
	uint64_t pdeathsig, clear_child_tid;
	uint32_t policy, tsc;
	uint64_t nodes[COLLECT_NODES / sizeof(uint64_t)];
	uint8_t rest[PROBE_SLOT_SIZE - sizeof(struct probe_job) -
		     COLLECT_OWN_CALLS * sizeof(struct probe_call) - sizeof(stack_t) - 24 -
		     COLLECT_NODES];
};
_Static_assert(sizeof(struct thread_slot) == PROBE_SLOT_SIZE, "written and read at once");
_Static_assert(offsetof(struct thread_slot, rest) <= PROBE_SLOT_SIZE - PROBE_SLOT_STACK,
	       "what stands below the stack");

struct asked { /* one thread between start and end */
	struct tracee *tracee; /* NULL: cannot be asked */
	struct user_regs_struct saved;
	uint64_t sigmask;
};

static void slot_fill(struct thread_slot *s, uint64_t at)
{
	struct probe_call *c = s->calls;

	s->job.calls = at + offsetof(struct thread_slot, calls);
	s->job.ncalls = COLLECT_OWN_CALLS;
	c[0] = (struct probe_call){ SYS_sigaltstack,
				    { 0, at + offsetof(struct thread_slot, altstack) },
				    0 };
	c[1] = (struct probe_call){
		SYS_prctl, { PR_GET_PDEATHSIG, at + offsetof(struct thread_slot, pdeathsig) }, 0
	};
	c[2] = (struct probe_call){ SYS_prctl,
				    { PR_GET_TID_ADDRESS,
				      at + offsetof(struct thread_slot, clear_child_tid) },
				    0 };
	c[3] = (struct probe_call){ SYS_prctl, { PR_GET_TIMERSLACK }, 0 };
	c[4] = (struct probe_call){ SYS_get_mempolicy,
				    { at + offsetof(struct thread_slot, policy) },
				    0 };
	c[5] = (struct probe_call){ SYS_get_mempolicy,
				    { 0, at + offsetof(struct thread_slot, nodes),
				      8 * COLLECT_NODES },
				    0 };
	c[6] = (struct probe_call){ SYS_prctl,
				    { PR_GET_TSC, at + offsetof(struct thread_slot, tsc) },
				    0 };
	c[7] = (struct probe_call){ SYS_prctl, { PR_MCE_KILL_GET }, 0 };
}

static void slot_take(const struct thread_slot *s, struct probe_thread *t)
{
	if (s->calls[0].result == 0) {
		t->altstack_sp = (uint64_t)(uintptr_t)s->altstack.ss_sp;
		t->altstack_size = s->altstack.ss_size;
		t->altstack_flags = (uint32_t)s->altstack.ss_flags;
	}
	if (s->calls[1].result == 0)
		t->pdeathsig = (uint32_t)s->pdeathsig;
	if (s->calls[2].result == 0)
		t->clear_child_tid = s->clear_child_tid;
	if (s->calls[3].result >= 0)
		t->timerslack_ns = (uint64_t)s->calls[3].result;
	if (s->calls[4].result == 0)
		t->policy = s->policy;
	if (s->calls[5].result == 0)
		memcpy(t->nodes, s->nodes, sizeof(t->nodes));
	t->flags = thread_flags(s->tsc, s->calls[7].result);
}

static uint64_t slot_address(const struct probe *p, size_t i)
{
	return p->area + PROBE_AT_SLOTS + i * PROBE_SLOT_SIZE;
}

static int ask_prepare(struct probe *p, size_t i, struct asked *a, struct thread_slot *s,
		       struct err *err)
{
	struct tracee *t =
		tree_find(&p->park->state->tree, p->process->pid, p->process->threads[i].tid);
	int rc;

	if (!t || t->state != TRACEE_STOPPED || t == p->remote.tracee)
		return 0;
	rc = regs_get(t->tid, &a->saved, err);
	if (rc >= 0)
		rc = regs_get_sigmask(t->tid, &a->sigmask, err);
	job_init(&s->job, p, &a->saved, a->sigmask);
	slot_fill(s, slot_address(p, i));
	a->tracee = rc < 0 ? NULL : t;
	return rc;
}

static int ask_begin(struct probe *p, size_t i, struct asked *a, struct err *err)
{
	int rc = regs_set_sigmask(a->tracee->tid, ~UINT64_C(0), err);

	return rc < 0 ? rc : job_start(p, a->tracee, &a->saved, slot_address(p, i), err);
}

static int ask_end(struct probe *p, struct asked *a, struct err *err)
{
	int rc = job_wait(p, a->tracee, err);

	if (rc < 0)
		return rc;
	rc = regs_set(a->tracee->tid, &a->saved, err);
	return rc < 0 ? rc : regs_set_sigmask(a->tracee->tid, a->sigmask, err);
}

/* All threads at once: each is let go, and only then waited for. */
static int ask_all(struct probe *p, struct asked *asked, size_t n, struct err *err)
{
	size_t begun = 0;
	int rc = 0, failed = 0;

	for (; begun < n && failed >= 0; begun++)
		if (asked[begun].tracee)
			failed = ask_begin(p, begun, &asked[begun], err);
	for (size_t i = 0; i < begun; i++) {
		rc = asked[i].tracee ? ask_end(p, &asked[i], err) : 0;
		if (rc < 0)
			failed = rc;
	}
	return failed;
}

/* All but the one that has been asked already. */
static int collect_threads(struct probe *p, struct probe_report *report, struct err *err)
{
	size_t n = p->process->nthreads;
	OWNED_PTR struct thread_slot *slots = calloc(n, sizeof(*slots));
	OWNED_PTR struct asked *asked = calloc(n, sizeof(*asked));
	int rc = 0;

	if (n < 2)
		return 0;
	if (!slots || !asked)
		return err_set(err, ENOMEM, "probing");
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = ask_prepare(p, i, &asked[i], &slots[i], err);
	if (rc >= 0)
		rc = remote_write(p->remote.tracee->tid, slot_address(p, 0), slots,
				  n * sizeof(*slots), err);
	if (rc >= 0)
		rc = ask_all(p, asked, n, err);
	if (rc >= 0)
		rc = remote_read(p->remote.tracee->tid, slot_address(p, 0), slots,
				 n * sizeof(*slots), err);
	for (size_t i = 0; i < n && rc >= 0; i++)
		if (asked[i].tracee)
			slot_take(&slots[i], &report->threads[i]);
	return rc < 0 ? rc : 0;
}

/* What the settings' batch has brought, and then the rest. */
static int collect_rest(struct probe *p, void *data, struct err *err)
{
	struct probe_report *report = data;
	size_t self = 0, placed;
	int rc = batch_end(p, p->batch, err);

	if (rc < 0)
		return rc;
	take_settings(p->batch, report);
	while (p->process->threads[self].tid != p->remote.tracee->tid)
		self++;
	report->threads = calloc(p->process->nthreads, sizeof(*report->threads));
	if (!report->threads)
		return err_set(err, ENOMEM, "probing");
	take_own(p->batch, COLLECT_OWN, &report->threads[self]);
	placed = p->batch->n - COLLECT_PLACES;
	take_places(p->batch, COLLECT_PLACES, report->places, placed);
	rc = collect_places(p, report, placed, err);
	if (rc >= 0)
		rc = collect_nodes(p, report, err);
	for (size_t i = 0; i < report->ntimers && rc >= 0; i += COLLECT_TIMERS_AT_ONCE) {
		size_t n = report->ntimers - i;

		rc = collect_timers(p, report->timers + i,
				    n < COLLECT_TIMERS_AT_ONCE ? n : COLLECT_TIMERS_AT_ONCE, err);
	}
	return rc < 0 ? rc : collect_threads(p, report, err);
}

int probe_collect(struct probe *const *probes, struct probe_report *reports, size_t n,
		  struct err *err)
{
	int rc = probe_each(probes, n, collect_settings, reports, sizeof(*reports), 0, err);

	rc = probe_each(probes, n, collect_rest, reports, sizeof(*reports), rc, err);
	for (size_t i = 0; i < n; i++) {
		if (!probes[i])
			continue;
		free(probes[i]->batch);
		probes[i]->batch = NULL;
	}
	return rc;
}

void probe_report_done(struct probe_report *report)
{
	free(report->threads);
	report->threads = NULL;
}
