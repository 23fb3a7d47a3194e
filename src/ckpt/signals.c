/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, timers and threads: what is asked through the probe, of many processes at once. The signals and
 * timers of a process are those of one moment: a timer that fires after the pending signals were read and
 * before it is read itself would be in neither, and its program would wait for ever.
 */
#include "base/owned.h"
#include "ckpt/capture.h"
#include "host/fault.h"
#include "host/proc.h"
#include "host/procid.h"
#include "procfs/timers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>

enum {
	SIGNALS_PEEK = 16, /* asked for at once */
	SIGNALS_NSIG = 64,
	SIGNALS_TRIES = 4,
	SIGNALS_THP_ADVISED = 2, /* PR_THP_DISABLE_EXCEPT_ADVISED, since 6.18 */
};

static int signals_pending(struct capture *c, pid_t tid, bool shared, struct err *err)
{
	siginfo_t info[SIGNALS_PEEK];
	struct __ptrace_peeksiginfo_args args = {
		.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
		.nr = SIGNALS_PEEK,
	};
	long n;

	while ((n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, info)) > 0) {
		for (long i = 0; i < n; i++) {
			struct img_pending *p = model_add(&c->m->pending);

			if (!p)
				return err_set(err, ENOMEM, "keep pending signals");
			p->tid = shared ? 0 : tid;
			memcpy(p->siginfo, &info[i], sizeof(p->siginfo));
		}
		args.off += (uint64_t)n;
	}
	return n < 0 ? err_set(err, errno, "pending signals of thread %d", tid) : 0;
}

static int signals_all_pending(struct capture *c, struct err *err)
{
	const struct park_process *p = c->parked;
	bool shared = false;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < p->nthreads; i++) {
		if (p->threads[i].exited)
			continue;
		if (!shared)
			rc = signals_pending(c, p->threads[i].tid, shared = true, err);
		if (rc >= 0)
			rc = signals_pending(c, p->threads[i].tid, false, err);
	}
	return rc;
}

/* For a test, which cannot else know that one does. */
static void signals_let_timers_fire(void)
{
	const struct timespec moment = { .tv_nsec = 100000000 };

	if (fault_point("ckpt.pending"))
		nanosleep(&moment, NULL);
}

static int signals_compare_timers(const void *a, const void *b)
{
	return ((const struct img_timer *)a)->id - ((const struct img_timer *)b)->id;
}

static int signals_timers(struct capture *c, struct probe_report *report, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct timers_cursor cursor;
	struct timers_timer t;
	size_t len;

	/* Without CONFIG_CHECKPOINT_RESTORE there is no such file, and no program can be helped. */
	if (proc_read(c->alive, "timers", &text, &len, NULL) < 0)
		return 0;
	for (cursor = timers_over(text, len); timers_next(&cursor, &t);) {
		struct img_timer *timer = model_add(&c->m->timers);

		if (!timer)
			return err_set(err, ENOMEM, "keep POSIX timers");
		timer->id = t.id;
		timer->clock = (uint32_t)t.clock;
		timer->signo = (uint32_t)t.signo;
		timer->value = t.value;
		timer->tid = t.thread ? procid_meant(t.target) : 0;
		/* Numbers as sigevent has them; a thread target is SIGEV_THREAD_ID. */
		timer->notify = t.thread		  ? SIGEV_THREAD_ID
				: t.notify == TIMERS_NONE ? SIGEV_NONE
							  : SIGEV_SIGNAL;
	}
	if (c->m->timers.n) /* the kernel lists the newest first */
		qsort(c->m->timers.at, c->m->timers.n, sizeof(*c->m->timers.at),
		      signals_compare_timers);
	report->ntimers = c->m->timers.n;
	report->timers = calloc(report->ntimers + 1, sizeof(*report->timers));
	if (!report->timers)
		return err_set(err, ENOMEM, "keep POSIX timers");
	for (size_t i = 0; i < report->ntimers; i++)
		report->timers[i].id = c->m->timers.at[i].id;
	return 0;
}

static void signals_take_report(struct capture *c, const struct probe_report *r)
{
	struct img_process *p = &c->m->process;

	c->child_continued = r->child_continued;
	p->dumpable = (uint32_t)r->dumpable;
	p->securebits = (uint32_t)r->securebits;
	p->membarrier = r->membarrier > 0 ? (uint64_t)r->membarrier : 0;
	p->brk = r->brk;
	p->flags |=
		(r->subreaper ? IMG_PROC_SUBREAPER : 0u) |
		(r->thp_disable ? IMG_PROC_THP_DISABLE : 0u) |
		(r->thp_disable > 0 && r->thp_disable & SIGNALS_THP_ADVISED ? IMG_PROC_THP_ADVISED
									    : 0u) |
		(r->memory_merge ? IMG_PROC_MEMORY_MERGE : 0u) |
		(r->keepcaps ? IMG_PROC_KEEPCAPS : 0u);
	for (int i = 0; i < 3; i++) {
		p->itimer_value_us[i] = r->itimer_value_us[i];
		p->itimer_interval_us[i] = r->itimer_interval_us[i];
	}
	for (size_t i = 0; i < r->ntimers; i++) {
		c->m->timers.at[i].left_ns = r->timers[i].left_ns;
		c->m->timers.at[i].interval_ns = r->timers[i].interval_ns;
		c->m->timers.at[i].overrun = r->timers[i].overrun;
	}
}

static int signals_take_actions(struct capture *c, const struct probe_report *r, struct err *err)
{
	for (uint32_t signo = 1; signo <= SIGNALS_NSIG; signo++) {
		struct img_sigaction *a;

		if (!r->sigactions[signo].handler && !r->sigactions[signo].flags &&
		    !r->sigactions[signo].mask)
			continue;
		a = model_add(&c->m->sigactions);
		if (!a)
			return err_set(err, ENOMEM, "keep signal actions");
		*a = (struct img_sigaction){ signo,
					     0,
					     r->sigactions[signo].handler,
					     r->sigactions[signo].flags,
					     r->sigactions[signo].restorer,
					     r->sigactions[signo].mask };
	}
	return 0;
}

/* Processes that are looked at together: arrays of @n. */
struct signals {
	struct capture *captures;
	struct probe *const *probes;
	struct probe_report *reports;
	size_t *pending; /* signals of each, when they were read first */
	size_t n;
};

/* What the probe has told of process @i, now or ahead. */
static const struct probe_report *signals_report(const struct signals *s, size_t i)
{
	return s->probes[i] ? &s->reports[i] : &s->captures[i].ahead->report;
}

static int signals_begin(struct capture *c, struct probe_report *report, size_t *pending,
			 struct err *err)
{
	int rc;

	c->m->pending.n = c->m->timers.n = c->m->sigactions.n = c->m->threads.n = 0;
	c->m->policies.n = c->m->seccomps.n = 0;
	rc = signals_all_pending(c, err);
	*pending = c->m->pending.n;
	if (rc < 0 || !report)
		return rc;
	rc = policies_ask(c->m, report, err);
	return rc < 0 ? rc : signals_timers(c, report, err);
}

static int signals_end(struct capture *c, const struct probe_report *report, struct err *err)
{
	int rc;

	if (report->ldt)
		return err_say(
			err, ENOTSUP,
			"it has segments of its own (modify_ldt), which cannot be checkpointed");
	signals_take_report(c, report);
	rc = signals_take_actions(c, report, err);
	if (rc >= 0)
		rc = capture_threads(c, report, err);
	if (rc >= 0)
		rc = policies_take(c, report, err);
	return rc < 0 ? rc : signals_all_pending(c, err);
}

static int signals_look(const struct signals *s, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < s->n; i++) {
		rc = signals_begin(&s->captures[i], s->probes[i] ? &s->reports[i] : NULL,
				   &s->pending[i], err);
		if (rc < 0)
			err_add(err, "process %d", s->captures[i].parked->pid);
	}
	signals_let_timers_fire();
	if (rc >= 0)
		rc = probe_collect(s->probes, s->reports, s->n, err);
	for (size_t i = 0; rc >= 0 && i < s->n; i++) {
		rc = signals_end(&s->captures[i], signals_report(s, i), err);
		if (rc < 0)
			err_add(err, "process %d", s->captures[i].parked->pid);
	}
	for (size_t i = 0; i < s->n; i++) {
		free(s->reports[i].timers); /* ours, not the report's */
		free(s->reports[i].places);
		probe_report_done(&s->reports[i]);
		s->reports[i] = (struct probe_report){ 0 };
	}
	return rc;
}

/* Process @i once more, until none has come meanwhile: what had been a timer's is pending then. */
static int signals_settle(const struct signals *s, size_t i, struct err *err)
{
	struct signals one = { &s->captures[i], &s->probes[i], &s->reports[i], &s->pending[i], 1 };
	struct model *m = s->captures[i].m;
	size_t pending;
	int rc = 0;

	for (int tries = 1; rc >= 0 && tries < SIGNALS_TRIES && m->pending.n != 2 * s->pending[i];
	     tries++)
		rc = signals_look(&one, err);
	if (rc < 0)
		return rc;
	/* Read twice: the second counts, as some timers are so quick that there is always one more. */
	pending = s->pending[i];
	m->pending.n -= pending;
	if (m->pending.n)
		memmove(m->pending.at, m->pending.at + pending,
			m->pending.n * sizeof(*m->pending.at));
	return 0;
}

int capture_signals(struct capture *captures, struct probe *const *probes, size_t n,
		    struct err *err)
{
	OWNED_PTR struct probe_report *reports = calloc(n, sizeof(*reports));
	OWNED_PTR size_t *pending = calloc(n, sizeof(*pending));
	struct signals s = { captures, probes, reports, pending, n };
	int rc;

	if (!reports || !pending)
		return err_set(err, ENOMEM, "look at %zu processes", n);
	rc = signals_look(&s, err);
	for (size_t i = 0; rc >= 0 && i < n; i++)
		rc = signals_settle(&s, i, err);
	return rc;
}
