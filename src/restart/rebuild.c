/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/rebuild.h"

#include "arch/xstate.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <asm/unistd.h>

enum { /* upper bounds of operations */
       REBUILD_OPS_FIXED = 256,
       REBUILD_OPS_VMA = 20,
       REBUILD_OPS_GUARD = 2,
       REBUILD_OPS_THREAD = 144, /* capabilities, forbidden and ambient ones, are one each */
       REBUILD_OPS_TIMER = 3,
       REBUILD_OPS_AIO = 2,
       REBUILD_OPS_BROKEN = 4,
       REBUILD_TIE_OPS = 4, /* of one semaphore; data records as well */
       REBUILD_DATA_FIXED = 32768,
       REBUILD_DATA_RECORD = 512, /* bytes that any record may need */
};

void rebuild_size(struct plan_size *size, const struct model *m, size_t inherited)
{
	size_t records = m->vmas.n + m->threads.n + m->timers.n + m->pending.n + m->rlimits.n +
			 m->locks.n + m->sem_ties.n * REBUILD_TIE_OPS + rebuild_leases_broken(m);

	*size = (struct plan_size){
		.ops = REBUILD_OPS_FIXED + m->vmas.n * REBUILD_OPS_VMA +
		       m->guards.n * REBUILD_OPS_GUARD + m->threads.n * REBUILD_OPS_THREAD +
		       m->timers.n * REBUILD_OPS_TIMER + m->pending.n + m->locks.n + m->files.n +
		       m->fds.n + m->sem_ties.n * REBUILD_TIE_OPS + m->aios.n * REBUILD_OPS_AIO +
		       rebuild_leases_broken(m) * REBUILD_OPS_BROKEN + inherited +
		       rebuild_seccomp_ops(m),
		.data = REBUILD_DATA_FIXED + records * REBUILD_DATA_RECORD + m->process.auxv.len +
			m->groups.n * sizeof(uint32_t) + m->aios.n * sizeof(struct plan_aio) +
			m->machine.vdso.len + rebuild_uring_data(m) + rebuild_seccomp_data(m),
		.threads = m->threads.n,
	};
	for (size_t i = 0; i < m->threads.n; i++)
		size->data += m->threads.at[i].affinity.len;
	for (size_t i = 0; i < m->creds.n; i++)
		size->data += m->creds.at[i].groups.len + sizeof(uint64_t);
}

/* Stop here until the agent says so; it sees the stop, whatever signals are blocked or ignored. */
static void rebuild_stop(struct rebuild *b)
{
	uint64_t pid = PLAN_ARG(b->m->process.pid);

	plan_call(&b->plan, PLAN_MUST, __NR_tgkill, pid, pid, SIGSTOP);
}

static void rebuild_ask_xstate(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->threads.n; i++) {
		const struct img_thread *t = &b->m->threads.at[i];
		uint64_t args[2];
		long nr;

		if (xstate_must_ask(model_bytes(b->m, t->xsave), t->xsave.len, &nr, args)) {
			plan_call(&b->plan, PLAN_MUST, nr, args[0], args[1]);
			return;
		}
	}
}

/* The lists of all threads but the leader; their records stand one after the other. */
static void rebuild_thread_lists(struct rebuild *b, size_t n)
{
	struct plan_thread *threads =
		b->early ? b->early : plan_reserve(&b->plan, n * sizeof(*threads));

	b->threads = threads;
	for (size_t i = 0; i < n && threads; i++) {
		const struct img_thread *t = &b->m->threads.at[i + 1];

		rebuild_filters(b, i + 1);
		rebuild_thread(b, t);
		threads[i].tid = t->tid;
		threads[i].stack = plan_thread_stack(&b->plan, i);
		threads[i].list = plan_list(&b->plan);
		threads[i].header = (uintptr_t)b->plan.header;
	}
}

int rebuild_plan(struct rebuild *b, struct err *err)
{
	size_t n = b->m->threads.n ? b->m->threads.n - 1 : 0;

	if (rebuild_births(b, err) < 0) {
		rebuild_births_done(b);
		return -err->num;
	}
	/* Threads' lists come first: the leader's names them. */
	rebuild_thread_lists(b, n);
	b->urings = rebuild_has_urings(b->m);
	rebuild_clear(b);
	rebuild_map(b);
	rebuild_undo(b);
	rebuild_stop(b); /* the agent fills memory */
	rebuild_settle(b);
	rebuild_last(b);
	rebuild_ask_xstate(b);
	if (b->early)
		plan_special(&b->plan, PLAN_BEGIN, 0, 0, 0);
	rebuild_filters(b, 0);
	plan_special(&b->plan, PLAN_JOIN, n, 0, 0);
	rebuild_process(b);
	/* The leader gives its capabilities away last: clone3 with an id needs them. */
	rebuild_thread(b, &b->m->threads.at[0]);
	rebuild_seal(b);
	b->plan.header->leader = plan_list(&b->plan);
	rebuild_late(b);
	b->plan.header->late = plan_list(&b->plan);
	rebuild_births_done(b);
	return plan_finish(&b->plan, err);
}
