/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/park.h"

#include "base/text.h"
#include "host/fault.h"
#include "host/proc.h"
#include "host/procid.h"
#include "trace/asleep.h"
#include "trace/halfway.h"
#include "trace/memory.h"
#include "trace/park_state.h"
#include "trace/regs.h"
#include "trace/repair.h"
#include "trace/rseq.h"
#include "trace/tick.h"

#include <errno.h>
#include <stdlib.h>

enum { PARK_TICK_NS = 4 * 1000000 };

static const int64_t park_deadline_default_ns = 10 * INT64_C(1000000000);

/* What we have it do in between would hide from the kernel that it was in a sequence. */
static void leave_sequence(struct park_thread *t)
{
	struct rseq_config rseq;

	if (regs_call(&t->regs) < 0 && rseq_ask(t->tid, &rseq) &&
	    rseq_leave(t->tid, rseq.ptr, &t->regs))
		regs_set(t->tid, &t->regs, NULL);
}

/* A thread that is let go before all else has been: as the last thing that happens to it. */
static void mend(struct tracee *tracee, struct park_memory *memory)
{
	struct park_thread t = { .tid = tracee->tid };
	struct repair_list late = { 0 };
	struct err ignored = ERR_INIT;

	if (regs_get(t.tid, &t.regs, NULL) >= 0 &&
	    repair_thread(tracee->pid, &t, memory, &late, &ignored) >= 0)
		repair_list_do(&late);
	repair_list_done(&late);
	tracee->mended = true;
}

static int fill_thread(struct park_thread *t, struct tracee *tracee, struct park_memory *memory,
		       struct repair_list *late, struct err *err)
{
	int rc;

	*t = (struct park_thread){ .tid = tracee->tid, .syscall = -1, .time_left_ns = -1 };
	t->group_stopped = tracee->group_stopped;
	t->exited = tracee->state == TRACEE_ZOMBIE;
	if (tracee->state != TRACEE_STOPPED)
		return 0;
	rc = regs_get(t->tid, &t->regs, err);
	if (rc >= 0)
		rc = regs_get_sigmask(t->tid, &t->sigmask, err);
	fault_point("park.read");
	if (rc >= 0)
		leave_sequence(t);
	if (rc >= 0)
		rc = repair_thread(tracee->pid, t, memory, late, err);
	tracee->mended = rc >= 0;
	return rc;
}

static bool all_gone(const struct tree_process *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->at[i].state != TRACEE_GONE)
			return false;
	return true;
}

static uint64_t detour_of(const struct park_process *p, const struct park_memory *memory)
{
	for (size_t i = 0; i < p->nthreads; i++)
		if (!p->threads[i].exited)
			return halfway_code(p->pid, p->threads[i].tid, memory);
	return 0;
}

/* > 0: there is nothing left of the process, not even something to wait for. */
static int fill_process(struct park_process *p, const struct tree_process *from,
			struct park_memory *memory, struct repair_list *late, struct err *err)
{
	int rc = 0;

	p->pid = from->pid;
	p->threads = calloc(from->n ? from->n : 1, sizeof(*p->threads));
	if (!p->threads)
		return err_set(err, ENOMEM, "parking process %d", from->pid);
	if (proc_stat(from->pid, &p->stat, NULL) < 0)
		return 1; /* was a zombie when it was listed, and has been waited for since */
	if (all_gone(from) && p->stat.state != 'Z')
		return 1;
	p->ppid = procid_meant((pid_t)p->stat.ppid);
	p->asleep = from->n > 0;
	/* The leader first: one that was just ending may have been seized after the others. */
	for (size_t i = 0; i < 2 * from->n && rc >= 0; i++) {
		struct tracee *t = &from->at[i % from->n];

		p->asleep &= t->asleep && t->state == TRACEE_STOPPED && !t->group_stopped;
		if (t->state == TRACEE_GONE || (t->tid == t->pid) != (i < from->n))
			continue;
		t->leads = t->tid == t->pid && from->n > 1;
		p->vfork_parent |= t->state == TRACEE_VFORK;
		rc = fill_thread(&p->threads[p->nthreads++], t, memory, late, err);
	}
	p->detour = memory_detour(memory, p->pid) && rc >= 0 ? detour_of(p, memory) : 0;
	p->zombie = p->nthreads == 0 || (p->nthreads == 1 && p->threads[0].exited);
	if (p->zombie)
		p->nthreads = 0;
	return rc < 0 ? rc : 0;
}

/*
 * Of a process that was left out only its parent keeps something: a child that has ended. One whose parent is
 * not captured either is but listed.
 */
static void fill_skipped(struct park *park, const struct tree_process *from)
{
	struct park_process *p = &park->processes[park->nprocesses];
	struct park_skipped *s = &park->skipped[park->nskipped];
	const struct tree_process *parent;
	struct stat_line stat;

	if (proc_stat(from->pid, &stat, NULL) < 0 || stat.state == 'X')
		return; /* has ended and been waited for */
	p->pid = from->pid;
	p->ppid = procid_meant((pid_t)stat.ppid);
	p->zombie = true;
	p->skipped = stat.state != 'Z';
	parent = tree_process(&park->state->tree, p->ppid);
	if (p->skipped) {
		*s = (struct park_skipped){ .pid = from->pid, .ppid = p->ppid };
		text_format(s->why, sizeof(s->why), "%s",
			    from->why ? from->why : "born below one that cannot be traced");
		park->nskipped++;
	}
	if (parent && !parent->skipped)
		park->nprocesses++;
	else
		*p = (struct park_process){ 0 };
}

static int fill(struct park *park, struct park_memory *memory, struct err *err)
{
	const struct tree *tree = &park->state->tree;
	int rc = 0;

	park->processes = calloc(tree->n, sizeof(*park->processes));
	park->skipped = calloc(tree->skip ? tree->n : 1, sizeof(*park->skipped));
	if (!park->processes || !park->skipped)
		return err_set(err, ENOMEM, "parking");
	for (size_t i = 0; i < tree->n && rc >= 0; i++) {
		struct park_process *p = &park->processes[park->nprocesses];

		if (tree->at[i].skipped) {
			fill_skipped(park, &tree->at[i]);
			continue;
		}
		rc = fill_process(p, &tree->at[i], memory, &park->state->late, err);
		if (rc <= 0) {
			park->nprocesses++;
		} else {
			free(p->threads);
			*p = (struct park_process){ 0 };
		}
	}
	if (rc >= 0 && (!park->nprocesses || park->processes[0].pid != tree->at[0].pid ||
			park->processes[0].zombie))
		rc = err_say(err, ESRCH, "process %d has ended", tree->at[0].pid);
	return rc < 0 ? rc : 0;
}

int park_one(struct park *park, size_t process, struct err *err)
{
	struct park_state *s = park->state;

	if (park->processes)
		free(park->processes[0].threads);
	free(park->processes);
	park->nprocesses = 0;
	park->processes = calloc(1, sizeof(*park->processes));
	if (!park->processes)
		return err_set(err, ENOMEM, "parking");
	park->nprocesses = 1;
	return fill_process(park->processes, &s->tree.at[process], s->memory, &s->late, err);
}

static int begin(struct park *park, pid_t root, struct park_memory *memory, struct err *err)
{
	struct tree *tree = &park->state->tree;
	struct tick tick = { 0 };
	int rc = tick_start(&tick, PARK_TICK_NS, err);

	if (rc >= 0)
		rc = tree_seize(tree, root, err);
	if (rc >= 0)
		memory_drop_lingering(memory);
	if (rc >= 0)
		rc = tree_stop(tree, err);
	tree->asleep = NULL;
	tick_stop(&tick);
	park->began_ns = tree->began_ns;
	park->parked_ns = tick_now();
	return rc < 0 ? rc : fill(park, memory, err);
}

int park_init(struct park *park, struct park_memory *memory, enum tracee_follow follow,
	      struct err *err)
{
	int rc;

	*park = (struct park){ 0 };
	park->state = calloc(1, sizeof(*park->state));
	if (!park->state)
		return err_set(err, ENOMEM, "parking");
	park->state->memory = memory;
	rc = tree_init(&park->state->tree, follow, err);
	park->state->tree.mend = mend;
	park->state->tree.memory = memory;
	return rc;
}

int park_begin(struct park *park, pid_t root, const struct park_options *options,
	       struct park_memory *memory, struct err *err)
{
	int64_t allowed = options->deadline_ns ? options->deadline_ns : park_deadline_default_ns;
	int rc = park_init(park, memory, options->with_children ? TRACEE_CHILDREN : TRACEE_THREADS,
			   err);

	if (!park->state)
		return rc;
	if (memory)
		memory->park++;
	park_tend(memory);
	park->state->tree.asked_ns = tick_now();
	park->state->tree.deadline = park->state->tree.asked_ns + allowed;
	park->state->tree.asleep = asleep_tree(options->asleep);
	park->state->tree.orphans = options->with_orphans;
	park->state->tree.except = options->except;
	park->state->tree.beside = options->beside;
	park->state->tree.nbeside = options->nbeside;
	park->state->tree.skip = options->skip;
	if (rc >= 0)
		rc = begin(park, root, memory, err);
	if (rc < 0)
		park_end(park);
	return rc;
}

pid_t park_alive(const struct park_process *p)
{
	for (size_t i = 0; i < p->nthreads; i++)
		if (!p->threads[i].exited)
			return p->threads[i].tid;
	return p->pid;
}

bool park_stopped(const struct park_process *p)
{
	for (size_t i = 0; i < p->nthreads; i++)
		if (!p->threads[i].exited)
			return p->threads[i].group_stopped;
	return false;
}

void park_end(struct park *park)
{
	struct park_state *s = park->state;

	if (!s)
		return;
	fault_point("park.ending");
	repair_list_do(&s->late);
	repair_list_done(&s->late);
	for (size_t i = 0; i < park->nprocesses; i++)
		free(park->processes[i].threads);
	free(park->processes);
	free(park->skipped);
	park->processes = NULL;
	park->skipped = NULL;
	park->nprocesses = park->nskipped = 0;
	if (!tree_release(&s->tree))
		memory_keep(s->memory, &s->tree);
	tree_done(&s->tree);
	free(s);
	park->state = NULL;
}
