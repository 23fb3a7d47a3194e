/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a plan that belongs to the process as a whole. */
#include "restart/rebuild.h"

#include <linux/prctl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <asm/unistd.h>

enum {
	PROCESS_NSIG = 64,
	PROCESS_SIGSET = 8, /* bytes */
	PROCESS_TIMER_IDS = 77, /* PR_TIMER_CREATE_RESTORE_IDS */
	PROCESS_CPUCLOCK_THREAD = 4 | 2, /* below ~TID << 3: a thread's CLOCK_THREAD_CPUTIME_ID */
	PROCESS_SET_MEMORY_MERGE = 67, /* since 6.4 */
	PROCESS_THP_ADVISED = 2, /* PR_THP_DISABLE_EXCEPT_ADVISED, since 6.18 */
	PROCESS_SEC = 1000000000,
	PROCESS_USEC = 1000000,
};

struct process_sigaction { /* the kernel's */
	uint64_t handler, flags, restorer, mask;
};

struct process_time {
	int64_t sec, frac; /* nanoseconds or microseconds */
};

struct process_itimer { /* struct itimerspec, struct itimerval */
	struct process_time interval, value;
};

/* Every signal, as this process may have inherited ignored ones. */
static void process_sigactions(struct rebuild *b)
{
	struct process_sigaction *actions =
		plan_reserve(&b->plan, sizeof(*actions) * (PROCESS_NSIG + 1));

	if (!actions)
		return;
	for (size_t i = 0; i < b->m->sigactions.n; i++) {
		const struct img_sigaction *a = &b->m->sigactions.at[i];

		if (a->signo >= 1 && a->signo <= PROCESS_NSIG)
			actions[a->signo] = (struct process_sigaction){ a->handler, a->flags,
									a->restorer, a->mask };
	}
	for (unsigned int signo = 1; signo <= PROCESS_NSIG; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			plan_call(&b->plan, PLAN_MUST, __NR_rt_sigaction, signo,
				  (uintptr_t)&actions[signo], 0, PROCESS_SIGSET);
}

static void process_itimers(struct rebuild *b)
{
	const struct img_process *q = &b->m->process;

	for (unsigned int i = 0; i < 3; i++) {
		int64_t interval = q->itimer_interval_us[i], left = q->itimer_value_us[i];
		struct process_itimer t;

		/* It had just run out: the next round begins when its signal, pending, is taken. */
		if (!left)
			left = interval;
		t.interval =
			(struct process_time){ interval / PROCESS_USEC, interval % PROCESS_USEC };
		t.value = (struct process_time){ left / PROCESS_USEC, left % PROCESS_USEC };
		if (left)
			plan_call(&b->plan, PLAN_MUST, __NR_setitimer, i,
				  plan_data(&b->plan, &t, sizeof(t)), 0);
	}
}

static bool process_has_thread(const struct model *m, int32_t tid)
{
	for (size_t i = 0; i < m->threads.n; i++)
		if (m->threads.at[i].tid == tid)
			return true;
	return false;
}

/* The clock that counts the time of whatever thread makes a timer of it, here one for all: @t's thread's. */
static uint32_t process_timer_clock(const struct img_timer *t)
{
	const uint32_t callers = ~0u << 3 | PROCESS_CPUCLOCK_THREAD;

	if (t->clock != callers || t->notify != SIGEV_THREAD_ID)
		return t->clock;
	return ~(uint32_t)t->tid << 3 | PROCESS_CPUCLOCK_THREAD;
}

/* One whose thread has ended tells nobody any more; it is there to be asked and deleted. */
static void process_timer_lost(struct rebuild *b, const struct img_timer *t)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };

	plan_special(&b->plan, PLAN_TIMER, CLOCK_MONOTONIC,
		     plan_data(&b->plan, &event, sizeof(event)), (uint64_t)(int64_t)t->id);
}

static void process_timer(struct rebuild *b, const struct img_timer *t)
{
	struct sigevent event = {
		.sigev_signo = (int)t->signo,
		.sigev_notify = (int)t->notify,
	};
	struct process_itimer when = {
		{ t->interval_ns / PROCESS_SEC, t->interval_ns % PROCESS_SEC },
		{ t->left_ns / PROCESS_SEC, t->left_ns % PROCESS_SEC },
	};

	if (t->notify == SIGEV_THREAD_ID && !process_has_thread(b->m, t->tid)) {
		process_timer_lost(b, t);
		return;
	}
	memcpy(&event.sigev_value, &t->value, sizeof(t->value));
	if (t->notify == SIGEV_THREAD_ID)
		event._sigev_un._tid = t->tid;
	plan_special(&b->plan, PLAN_TIMER, process_timer_clock(t),
		     plan_data(&b->plan, &event, sizeof(event)), (uint64_t)(int64_t)t->id);
	if (t->left_ns)
		plan_call(&b->plan, PLAN_MUST, __NR_timer_settime, PLAN_ARG(t->id), 0,
			  plan_data(&b->plan, &when, sizeof(when)), 0);
}

/* By id, as without PR_TIMER_CREATE_RESTORE_IDS they only ever grow. */
static void process_timers(struct rebuild *b)
{
	const struct model *m = b->m;
	int64_t last = -1;

	if (!m->timers.n)
		return;
	if (b->now.timer_ids)
		plan_call(&b->plan, PLAN_MUST, __NR_prctl, PROCESS_TIMER_IDS, 1);
	for (size_t n = 0; n < m->timers.n; n++) {
		const struct img_timer *next = NULL;

		for (size_t i = 0; i < m->timers.n; i++)
			if (m->timers.at[i].id > last && (!next || m->timers.at[i].id < next->id))
				next = &m->timers.at[i];
		if (!next)
			break;
		last = next->id;
		process_timer(b, next);
	}
	if (b->now.timer_ids)
		plan_call(&b->plan, PLAN_MUST, __NR_prctl, PROCESS_TIMER_IDS, 0);
}

/*
 * A hard limit can only be raised by those who may; a lower one than recorded stays. That of pending signals
 * waits (@late) until those that there were are pending again.
 */
static void process_limits(struct rebuild *b, bool late)
{
	for (size_t i = 0; i < b->m->rlimits.n; i++) {
		const struct img_rlimit *l = &b->m->rlimits.at[i];
		uint64_t limit[2] = { l->soft, l->hard };
		uint64_t hard = l->resource < 16 ? b->now.hard_limit[l->resource] : l->hard;

		if (late != (b->m->pending.n && l->resource == RLIMIT_SIGPENDING))
			continue;
		plan_call(&b->plan, PLAN_OR_NEXT, __NR_prlimit64, 0, l->resource,
			  plan_data(&b->plan, limit, sizeof(limit)), 0);
		limit[1] = limit[1] > hard ? hard : limit[1];
		limit[0] = limit[0] > limit[1] ? limit[1] : limit[0];
		plan_call(&b->plan, PLAN_TRY, __NR_prlimit64, 0, l->resource,
			  plan_data(&b->plan, limit, sizeof(limit)), 0);
	}
}

/* When touched, if that is how something is locked already. */
static uint64_t process_lock_flags(const struct model *m)
{
	for (size_t i = 0; i < m->vmas.n; i++)
		if (m->vmas.at[i].flags & IMG_VMA_LOCKONFAULT)
			return MCL_FUTURE | MCL_ONFAULT;
	return MCL_FUTURE;
}

/* It is said of all memory that there is: so of some it is taken back. */
static void process_merge(struct rebuild *b)
{
	if (!(b->m->process.flags & IMG_PROC_MEMORY_MERGE))
		return;
	plan_call(&b->plan, PLAN_TRY, __NR_prctl, PROCESS_SET_MEMORY_MERGE, 1);
	for (size_t i = 0; i < b->m->vmas.n; i++) {
		const struct img_vma *v = &b->m->vmas.at[i];

		if ((v->kind == IMG_VMA_ANON || v->kind == IMG_VMA_FILE ||
		     v->kind == IMG_VMA_MEMFD) &&
		    !(v->flags & IMG_VMA_SHARED) && !(v->advice >> MADV_MERGEABLE & 1))
			plan_call(&b->plan, PLAN_TRY, __NR_madvise, v->start, v->end - v->start,
				  MADV_UNMERGEABLE);
	}
}

void rebuild_process(struct rebuild *b)
{
	const struct img_process *q = &b->m->process;
	struct plan *p = &b->plan;

	process_sigactions(b);
	process_timers(b);
	process_itimers(b);
	for (unsigned int bit = 0; bit < 31; bit++)
		if (q->membarrier >> bit & 1)
			plan_call(p, PLAN_TRY, __NR_membarrier, 1ull << bit, 0, 0);
	if (q->flags & IMG_PROC_THP_ADVISED)
		plan_call(p, PLAN_OR_NEXT, __NR_prctl, PR_SET_THP_DISABLE, 1, PROCESS_THP_ADVISED);
	if (q->flags & IMG_PROC_THP_DISABLE)
		plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_THP_DISABLE, 1);
	process_merge(b);
	plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_CHILD_SUBREAPER,
		  q->flags & IMG_PROC_SUBREAPER ? 1 : 0);
	if (q->personality != b->now.personality)
		plan_call(p, PLAN_TRY, __NR_personality, q->personality);
	if (q->flags & IMG_PROC_LOCK_FUTURE)
		plan_call(p, PLAN_TRY, __NR_mlockall, process_lock_flags(b->m));
	process_limits(b, false);
}

/* Take away a signal that is pending only because of how this restart has been made. */
static void process_drop(struct rebuild *b, int signo)
{
	const struct process_time none = { 0 };
	uint64_t set = UINT64_C(1) << (signo - 1);

	plan_call(&b->plan, PLAN_TRY, __NR_rt_sigtimedwait, plan_data(&b->plan, &set, sizeof(set)),
		  0, plan_data(&b->plan, &none, sizeof(none)), PROCESS_SIGSET);
}

/*
 * Its children have stopped and gone on as they had before, and it has heard of that again: what it had been
 * told is told to nobody now.
 */
static void process_job_control(struct rebuild *b)
{
	for (size_t i = 0; i < b->ntold; i++)
		plan_call(&b->plan, PLAN_TRY, __NR_waitid, P_PID, PLAN_ARG(b->told[i]), 0,
			  WSTOPPED | WNOHANG | __WALL, 0);
	if (b->hears)
		process_drop(b, SIGCHLD);
	if (b->m->process.flags & IMG_PROC_CONTINUED)
		process_drop(b, SIGCONT);
}

static void process_pending(struct rebuild *b)
{
	uint64_t pid = PLAN_ARG(b->m->process.pid);
	struct plan *p = &b->plan;

	for (size_t i = 0; i < b->m->pending.n; i++) {
		const struct img_pending *s = &b->m->pending.at[i];
		uint64_t info = plan_data(p, s->siginfo, sizeof(s->siginfo));
		int32_t signo;

		memcpy(&signo, s->siginfo, sizeof(signo));
		if (!rebuild_waits(b, s))
			continue;
		if (!s->tid)
			plan_call(p, PLAN_MUST, __NR_rt_sigqueueinfo, pid, PLAN_ARG(signo), info);
		else if (signo == SIGSTOP)
			plan_call(p, PLAN_MUST, __NR_tgkill, pid, PLAN_ARG(s->tid), SIGSTOP);
		else
			plan_call(p, PLAN_MUST, __NR_rt_tgsigqueueinfo, pid, PLAN_ARG(s->tid),
				  PLAN_ARG(signo), info);
	}
}

/* What must wait until every thread stands still and is traced. */
void rebuild_late(struct rebuild *b)
{
	const struct img_process *q = &b->m->process;
	struct plan *p = &b->plan;

	process_job_control(b);
	process_pending(b);
	process_limits(b, true);
	rebuild_locks_late(b);
	/* 2 (readable by root only) is for the kernel to give; 0 comes as near as one can. */
	plan_call(p, PLAN_TRY, __NR_prctl, PR_SET_DUMPABLE, q->dumpable == 1 ? 1 : 0);
}
