/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All processes of a checkpoint. Those that live are taken many at a time: what the probe does in one of them
 * it does in all, and only then is waited for; what is only read from /proc into the model of one process
 * is done by several threads.
 */
#include "base/owned.h"
#include "ckpt/checkpoint_state.h"
#include "host/fault.h"
#include "host/log.h"
#include "host/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROCESSES_AT_ONCE = 64,
	PROCESSES_SMALL_BYTES = 512 << 10, /* quicker copied than forked */
	PROCESSES_SMALL_ALL = 256 << 20, /* of our memory for all of them, until it is written */
};

/* The memory of a small process: it is copied sooner than forked. Where it is not small nothing is done. */
static int processes_copy_small(struct ckpt *ckpt, struct ckpt_process *p, struct err *err)
{
	size_t from = p->pages.ranges.n, guards = p->m.guards.n;
	struct img_range last = guards ? p->m.guards.at[guards - 1] : (struct img_range){ 0 };
	uint64_t before = p->pages.bytes, bytes;
	int rc = pages_scan(&p->pages, &p->m, p->alive, PAGES_FORKED, NULL, err);

	if (rc < 0)
		return rc;
	bytes = p->pages.bytes - before;
	p->copied = bytes <= PROCESSES_SMALL_BYTES &&
		    atomic_fetch_add(&ckpt->copied, bytes) + bytes <= PROCESSES_SMALL_ALL;
	if (p->copied)
		return pages_copy_small(&p->pages, from, p->alive, ckpt->nprocesses > 1, err);
	pages_drop(&p->pages, from);
	p->m.guards.n = guards;
	if (guards)
		p->m.guards.at[guards - 1] = last;
	return 0;
}

/*
 * A process that may not fork (RLIMIT_NPROC), or for whose copy there is no memory, stands still until
 * its image is written. All others do as well then, and need no copy.
 */
static int processes_snapshot(struct ckpt *ckpt, struct ckpt_process *p, struct probe *probe,
			      struct err *err)
{
	int rc = ckpt->stands ? 0 : probe_snapshot(probe, &p->snapshot, err);

	if (rc != -EAGAIN && rc != -ENOMEM)
		return rc;
	log_info("ckpt", "%s: the program stands still until the checkpoint is written", err->msg);
	ckpt->stands = true;
	return 0;
}

/* What is done to all of some processes, one after the other. */
struct processes {
	struct ckpt *ckpt;
	struct ckpt_process *at[PROCESSES_AT_ONCE];
	struct park_process *parked[PROCESSES_AT_ONCE];
	struct capture captures[PROCESSES_AT_ONCE];
	struct probe *probes[PROCESSES_AT_ONCE];
	size_t n;
	bool stops; /* one of the whole computation is stopped */
};

typedef int processes_step(struct processes *l, size_t i, struct err *err);

static int processes_each(struct processes *l, processes_step *step, struct err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (step(l, i, err) < 0)
			return err_add(err, "process %d", l->at[i]->pid);
	return 0;
}

/* A step that many threads take at once, each for another process. */
struct processes_at_once {
	struct processes *l;
	processes_step *step;
};

static int processes_one(void *arg, size_t i, struct err *err)
{
	const struct processes_at_once *s = arg;

	return s->step(s->l, i, err) < 0 ? err_add(err, "process %d", s->l->at[i]->pid) : 0;
}

static int processes_at_once(struct processes *l, processes_step *step, struct err *err)
{
	struct processes_at_once s = { l, step };

	return threads_each(processes_one, &s, l->n, l->ckpt->options.workers, err);
}

static int processes_read(struct processes *l, size_t i, struct err *err)
{
	return capture_read_vmas(&l->captures[i], err);
}

static int processes_vmas(struct processes *l, size_t i, struct err *err)
{
	int rc = capture_machine(l->captures[i].m, &l->ckpt->machine, err);

	if (fault_point("ckpt.captured"))
		rc = err_say(err, EIO, "made to fail (CAIRN_FAULT)");
	if (rc >= 0)
		rc = capture_vmas(&l->captures[i], err);
	if (rc >= 0)
		rc = capture_uring_buffers(&l->captures[i], err);
	l->at[i]->resident = l->captures[i].resident;
	return rc;
}

static int processes_settings(struct processes *l, size_t i, struct err *err)
{
	return capture_process(&l->captures[i], err);
}

static int processes_cwds(struct processes *l, size_t i, struct err *err)
{
	return capture_removed_cwd(&l->captures[i], err);
}

/* Only few have been stopped, or have gone on unnoticed: all others are not even looked for. */
static int processes_told(struct processes *l, size_t i, struct err *err)
{
	const struct ckpt *ckpt = l->ckpt;
	int rc = 0;

	if (!l->stops && !l->captures[i].child_continued)
		return 0;
	for (size_t k = 0; rc >= 0 && k < ckpt->nprocesses; k++) {
		const struct park_process *p = &ckpt->park.processes[k];

		if (p->ppid == l->at[i]->pid && !p->zombie &&
		    (park_stopped(p) || l->captures[i].child_continued))
			rc = capture_told(l->probes[i], &ckpt->processes[k].m.process, p, err);
	}
	return rc;
}

static int processes_aio(struct processes *l, size_t i, struct err *err)
{
	return capture_aio(&l->captures[i], l->probes[i], err);
}

static int processes_probe(struct processes *l, size_t i, struct err *err)
{
	return probe_new(&l->probes[i], &l->ckpt->park, l->parked[i], &l->captures[i].places, err);
}

/* What fork does not copy is copied here. */
static int processes_shared(struct processes *l, size_t i, struct err *err)
{
	struct ckpt_process *p = l->at[i];
	int rc = sysv_ties(&l->ckpt->sysv, &p->m, l->probes[i], err);

	if (rc >= 0)
		rc = pages_scan(&p->pages, &p->m, p->alive, PAGES_LIVE, l->probes[i], err);
	if (rc < 0 || l->ckpt->options.hold)
		return rc;
	return pages_copy(&p->pages, 0, p->alive, l->ckpt->options.workers, err);
}

static int processes_small(struct processes *l, size_t i, struct err *err)
{
	struct ckpt_process *p = l->at[i];

	if (l->ckpt->options.hold || p->resident > CAPTURE_FEW_PAGES)
		return 0;
	return processes_copy_small(l->ckpt, p, err);
}

/* The rest is left to the snapshot. */
static int processes_large(struct processes *l, size_t i, struct err *err)
{
	int rc = 0;

	if (l->ckpt->options.hold || l->at[i]->copied)
		return 0;
	if (!l->probes[i]) {
		rc = processes_probe(l, i, err);
		if (rc >= 0)
			rc = probe_open(&l->probes[i], 1, err);
	}
	return rc < 0 ? rc : processes_snapshot(l->ckpt, l->at[i], l->probes[i], err);
}

/* Memory whose NUMA policy others may have set meanwhile. */
static bool processes_share_memory(const struct model *m)
{
	for (size_t i = 0; i < m->vmas.n; i++)
		if (m->vmas.at[i].flags & IMG_VMA_SHARED && m->vmas.at[i].kind != IMG_VMA_FILE)
			return true;
	return false;
}

/*
 * All that the probe would be asked is known ahead. A parent's children may have been stopped or let go on
 * meanwhile, and semaphores and shared memory belong to others as well.
 */
static bool processes_needs_probe(const struct processes *l, size_t i)
{
	const struct ckpt *ckpt = l->ckpt;

	return !l->captures[i].ahead || l->at[i]->has_children || sysv_has_ties(&ckpt->sysv) ||
	       pages_any_live(&l->at[i]->m) || processes_share_memory(&l->at[i]->m);
}

static int processes_probe_if_needed(struct processes *l, size_t i, struct err *err)
{
	return processes_needs_probe(l, i) ? processes_probe(l, i, err) : 0;
}

static int processes_through_probe(struct processes *l, struct err *err)
{
	int rc = probe_open(l->probes, l->n, err);

	if (rc >= 0)
		rc = processes_at_once(l, processes_settings, err);
	if (rc >= 0)
		rc = processes_each(l, processes_cwds, err);
	if (rc >= 0)
		rc = processes_each(l, processes_aio, err);
	if (rc >= 0)
		rc = capture_signals(l->captures, l->probes, l->n, err);
	if (rc >= 0)
		rc = processes_each(l, processes_told, err);
	if (rc >= 0)
		rc = processes_each(l, processes_shared, err);
	if (rc >= 0)
		rc = processes_at_once(l, processes_small, err);
	return rc < 0 ? rc : processes_each(l, processes_large, err);
}

/*
 * First what is seen from outside, and may be refused, before a process is touched; also because the probe's
 * own area must not be found among the mappings.
 */
static int processes_living(struct processes *l, struct err *err)
{
	int rc = processes_at_once(l, processes_read, err);

	if (rc >= 0)
		rc = processes_each(l, processes_vmas, err);
	for (size_t i = 0; i < l->n; i++)
		capture_forget_vmas(&l->captures[i]);
	memset(l->probes, 0, sizeof(l->probes));
	if (rc >= 0)
		rc = processes_each(l, processes_probe_if_needed, err);
	if (rc >= 0)
		rc = processes_through_probe(l, err);
	probe_close(l->probes, l->n);
	l->n = 0;
	return rc;
}

static struct capture processes_capture(struct ckpt *ckpt, struct ckpt_process *p,
					struct park_process *parked)
{
	return (struct capture){
		.parked = parked,
		.alive = p->alive,
		.root = ckpt->options.root,
		.res = &ckpt->res,
		.sysv = &ckpt->sysv,
		.kept = &ckpt->kept,
		.m = &p->m,
		.exact = ckpt->exact || ckpt->options.hold,
		.swapping = ckpt->swapping,
		.flushers = ckpt->machine.flushers,
		.notes = ckpt->options.notes,
		.supposed = &p->supposed,
		.ahead = ahead_find(&ckpt->ahead, parked),
	};
}

static int processes_have_aio(void *arg, size_t i, struct err *err)
{
	struct ckpt_process *p = &((struct ckpt *)arg)->processes[i];

	return p->zombie ? 0 : capture_has_aio(p->alive, &p->has_aio, err);
}

int ckpt_settle_aio(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	if (!capture_aio_exists())
		return 0;
	rc = threads_each(processes_have_aio, ckpt, ckpt->nprocesses, ckpt->options.workers, err);
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		struct park_process *parked = &ckpt->park.processes[i];
		struct capture c = processes_capture(ckpt, &ckpt->processes[i], parked);

		if (ckpt->processes[i].has_aio)
			rc = capture_settle_aio(&c, &ckpt->park, parked, err);
	}
	return rc;
}

static int processes_zombie(struct ckpt *ckpt, struct ckpt_process *p, struct park_process *parked,
			    struct err *err)
{
	struct capture c = processes_capture(ckpt, p, parked);
	int rc = capture_machine(&p->m, &ckpt->machine, err);

	if (rc >= 0)
		rc = capture_process(&c, err);
	if (rc < 0 && p->skipped) /* it runs: by now it has ended, and nobody wants to know how */
		rc = err_say(err, RES_BUSY, "it has just ended");
	return rc < 0 ? err_add(err, "process %d", p->pid) : 0;
}

int ckpt_capture_processes(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR struct processes *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (!l)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->nprocesses);
	l->ckpt = ckpt;
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		l->stops |= park_stopped(&ckpt->park.processes[i]);
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		struct park_process *parked = &ckpt->park.processes[i];
		struct ckpt_process *p = &ckpt->processes[i];

		if (p->zombie) {
			rc = processes_zombie(ckpt, p, parked, err);
			continue;
		}
		l->at[l->n] = p;
		l->parked[l->n] = parked;
		l->captures[l->n] = processes_capture(ckpt, p, parked);
		if (++l->n == PROCESSES_AT_ONCE)
			rc = processes_living(l, err);
	}
	return rc < 0 || !l->n ? rc : processes_living(l, err);
}
