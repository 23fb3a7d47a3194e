/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/checkpoint.h"

#include "base/owned.h"
#include "ckpt/checkpoint_state.h"
#include "host/fault.h"
#include "host/log.h"
#include "host/threads.h"
#include "res/mqueue.h"
#include "trace/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

int64_t ckpt_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int ckpt_capture_queues(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR struct model **models = calloc(ckpt->nprocesses + 1, sizeof(*models));

	if (!models)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->nprocesses);
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		models[i] = &ckpt->processes[i].m;
	if (res_tty_capture_own(&ckpt->res, models, ckpt->nprocesses, err) < 0)
		return -err->num;
	return res_capture_queues(models, ckpt->nprocesses, err);
}

static int ckpt_look_sysv(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR pid_t *pids = calloc(ckpt->park.nprocesses, sizeof(*pids));

	if (!pids)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->park.nprocesses);
	for (size_t i = 0; i < ckpt->park.nprocesses; i++)
		pids[i] = ckpt->park.processes[i].pid;
	return sysv_look(&ckpt->sysv, pids, ckpt->park.nprocesses, ckpt->options.root, err);
}

/* What belongs to no process stands in the image of the first that lives. NULL: none does. */
static struct ckpt_process *ckpt_first_living(struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++)
		if (!ckpt->processes[i].zombie)
			return &ckpt->processes[i];
	return NULL;
}

static int ckpt_capture_named(struct ckpt *ckpt, struct err *err)
{
	struct ckpt_process *p = ckpt_first_living(ckpt);

	return p ? res_capture_named(&ckpt->res, &p->m, p->alive, err) : 0;
}

static int ckpt_capture_sysv(struct ckpt *ckpt, struct err *err)
{
	struct ckpt_process *p = ckpt_first_living(ckpt);

	return p ? sysv_capture(&ckpt->sysv, &p->m, &ckpt->kept, err) : 0;
}

static int ckpt_compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static int ckpt_find_parents(struct ckpt *ckpt, struct err *err)
{
	size_t n = ckpt->nprocesses;
	OWNED_PTR pid_t *parents = calloc(n + 1, sizeof(*parents));

	if (!parents)
		return err_set(err, ENOMEM, "capture %zu processes", n);
	for (size_t i = 0; i < n; i++)
		parents[i] = ckpt->park.processes[i].ppid;
	qsort(parents, n, sizeof(*parents), ckpt_compare_pids);
	for (size_t i = 0; i < n; i++)
		ckpt->processes[i].has_children =
			bsearch(&ckpt->processes[i].pid, parents, n, sizeof(*parents),
				ckpt_compare_pids) != NULL;
	return 0;
}

/* Under a guard there may be something that this mapping does not show. */
static void ckpt_look_under_guards(struct ckpt *ckpt, const struct model *m)
{
	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];
		bool here = v->kind == IMG_VMA_MEMFD && v->flags & IMG_VMA_SHARED;

		for (size_t k = 0; here && k < m->guards.n; k++)
			if (m->guards.at[k].addr < v->end &&
			    m->guards.at[k].addr + m->guards.at[k].len > v->start)
				res_later_whole(&ckpt->res, v->object);
	}
}

/* What is known only when all processes have been looked at. */
static int ckpt_capture_rest(struct ckpt *ckpt, struct err *err)
{
	int rc = ckpt_capture_queues(ckpt, err);

	if (rc >= 0)
		rc = ckpt_tell_parents(ckpt, err);
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		ckpt_look_under_guards(ckpt, &ckpt->processes[i].m);
		rc = capture_unmapped(&ckpt->processes[i].m, &ckpt->kept, err);
	}
	if (rc >= 0)
		rc = res_save_later(&ckpt->res, &ckpt->kept, err);
	return rc < 0 ? rc : ckpt_capture_sysv(ckpt, err);
}

static void ckpt_add_process(struct ckpt *ckpt, const struct park_process *parked)
{
	struct ckpt_process *p = &ckpt->processes[ckpt->nprocesses++];

	model_init(&p->m);
	p->pid = p->m.process.pid = parked->pid;
	p->alive = park_alive(parked);
	p->zombie = parked->zombie;
	p->skipped = parked->skipped;
	for (size_t i = 0; i < ckpt->options.njoined; i++)
		if (ckpt->options.joined[i] == parked->pid)
			p->m.process.flags |= IMG_PROC_JOINED;
}

static int ckpt_note_shared(struct ckpt *ckpt, size_t i, size_t of, uint32_t what, struct err *err)
{
	struct model *m = &ckpt->processes[i].m;
	struct img_share *s;

	if (i == of)
		return 0;
	s = model_add(&m->shares);
	if (!s)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->nprocesses);
	*s = (struct img_share){ what, ckpt->processes[of].pid };
	return 0;
}

/* What several have in common stands in the image of the first of them. */
static int ckpt_note_sharers(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		size_t files = ckpt->sharers.first[NOTES_FILES][i];

		if (files != i)
			ckpt->processes[i].files_of = &ckpt->processes[files];
		rc = ckpt_note_shared(ckpt, i, files, IMG_SHARE_FILES, err);
		if (rc >= 0)
			rc = ckpt_note_shared(ckpt, i, ckpt->sharers.first[NOTES_FS][i],
					      IMG_SHARE_FS, err);
	}
	return rc;
}

static int ckpt_list_fds(void *arg, size_t i, struct err *err)
{
	struct ckpt_process *p = &((struct ckpt *)arg)->processes[i];

	return p->zombie ? 0 : res_list(&p->listing, p->alive, err);
}

/* Once more where requests have ended meanwhile, and done something to files. */
static int ckpt_list_all(struct ckpt *ckpt, struct err *err)
{
	bool moved = true;
	int rc = 0;

	for (int i = 0; rc >= 0 && moved && i < 2; i++) {
		for (size_t k = 0; k < ckpt->nprocesses; k++)
			res_listing_done(&ckpt->processes[k].listing);
		rc = threads_each(ckpt_list_fds, ckpt, ckpt->nprocesses, ckpt->options.workers,
				  err);
		moved = false;
		if (rc >= 0 && !i)
			rc = ckpt_settle_urings(ckpt, &moved, err);
	}
	return rc;
}

/*
 * The descriptors of all processes before anything else: most refusals come from here, and a mapping may be
 * of a file that only another process has open.
 */
static int ckpt_capture_fds(struct ckpt *ckpt, struct err *err)
{
	OWNED_PTR struct model **models = calloc(ckpt->nprocesses, sizeof(*models));
	int rc;

	if (!models)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->nprocesses);
	rc = ckpt_list_all(ckpt, err);
	if (fault_point("ckpt.listed"))
		rc = err_say(err, EIO, "made to fail (CAIRN_FAULT)");
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		models[i] = &p->m;
		if (p->files_of)
			rc = res_capture_fds_of(&ckpt->res, &p->files_of->m, p->pid, &p->listing,
						err);
		else if (!p->zombie)
			rc = res_capture_fds(&ckpt->res, &p->m, p->alive, &p->listing, err);
		res_listing_done(&p->listing);
	}
	if (rc >= 0)
		rc = ckpt_ask_cloexec(ckpt, err);
	if (rc >= 0)
		rc = ckpt_capture_named(ckpt, err);
	if (rc >= 0)
		rc = res_capture_settle(&ckpt->res, models, ckpt->nprocesses, err);
	if (rc >= 0)
		rc = res_capture_network(&ckpt->res, err);
	if (rc >= 0) /* also of those that were found in flight */
		rc = mqueue_capture_messages(&ckpt->res, models, ckpt->nprocesses, err);
	res_capture_land(&ckpt->res);
	return rc;
}

static int ckpt_capture(struct ckpt *ckpt, struct err *err)
{
	int rc = sharers_find(&ckpt->sharers, &ckpt->park, ckpt->options.notes, err);

	if (rc >= 0)
		rc = capture_refuse_apart(&ckpt->park, &ckpt->ahead, &ckpt->sharers,
					  ckpt->options.workers, err);
	if (rc >= 0)
		rc = ckpt_look_sysv(ckpt, err);
	if (rc < 0)
		return rc;
	ckpt->processes = calloc(ckpt->park.nprocesses, sizeof(*ckpt->processes));
	if (!ckpt->processes)
		return err_set(err, ENOMEM, "capture %zu processes", ckpt->park.nprocesses);
	for (size_t i = 0; i < ckpt->park.nprocesses; i++)
		ckpt_add_process(ckpt, &ckpt->park.processes[i]);
	rc = ckpt_find_parents(ckpt, err);
	if (rc >= 0)
		rc = ckpt_note_sharers(ckpt, err);
	if (rc >= 0)
		rc = ckpt_settle_aio(ckpt, err);
	if (rc >= 0)
		rc = ckpt_capture_fds(ckpt, err);
	if (rc >= 0)
		rc = ckpt_capture_processes(ckpt, err);
	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		ckpt->result.threads += (uint32_t)ckpt->processes[i].m.threads.n;
		ckpt->result.processes += !ckpt->processes[i].skipped;
	}
	return rc < 0 ? rc : ckpt_capture_rest(ckpt, err);
}

static void ckpt_release(struct ckpt *ckpt)
{
	if (!ckpt->parked)
		return;
	park_end(&ckpt->park);
	ckpt->parked = false;
	ckpt->result.pause_ns = ckpt_now() - ckpt->park.began_ns;
}

/* After the pause: list what the snapshots hold. */
static int ckpt_scan(struct ckpt *ckpt, struct err *err)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];
		int rc = 0;

		if (p->zombie)
			continue;
		if (!p->copied)
			rc = pages_scan(&p->pages, &p->m, p->snapshot ? p->snapshot : p->alive,
					PAGES_FORKED, NULL, err);
		if (rc < 0)
			return rc;
		pages_sort(&p->pages, &p->m);
		ckpt->total += p->pages.bytes;
	}
	ckpt->result.memory_bytes = ckpt->total;
	return 0;
}

enum {
	CKPT_PARK_DEADLINE_S = 10,
	CKPT_AHEAD_PART = 5, /* of that, before it begins */
	CKPT_BUSY_DEADLINE_MS = 2000,
	CKPT_BUSY_PAUSE_MAX_NS = 100000000,
};

static int64_t ckpt_park_allowed(const struct ckpt *ckpt)
{
	int64_t wanted = ckpt->options.park_deadline_ns;

	return wanted ? wanted : CKPT_PARK_DEADLINE_S * 1000000000ll;
}

static const struct park_process *ckpt_in_vfork(const struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->park.nprocesses; i++)
		if (ckpt->park.processes[i].vfork_parent)
			return &ckpt->park.processes[i];
	return NULL;
}

/*
 * Park, with nobody in vfork: parent and child are one program on one stack then. Parking itself waits
 * for the child to go on to another program, for as long as a pause may take; the deadline counts over
 * all tries.
 */
static int ckpt_park(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	const struct ckpt_options *o = &ckpt->options;
	int64_t until = ckpt_now() + ckpt_park_allowed(ckpt);
	const struct park_process *vfork;
	pid_t pid;

	for (;;) {
		struct park_options park = {
			.deadline_ns = until - ckpt_now(),
			.with_children = true,
			.with_orphans = o->with_orphans,
			.except = o->except,
			.beside = o->joined,
			.nbeside = o->strangers ? o->njoined : 0,
			.skip = o->skip,
			.asleep = ckpt->asleep,
		};
		int rc = park_begin(&ckpt->park, o->root, &park, memory, err);

		asleep_end(ckpt->asleep);
		ckpt->asleep = NULL;
		if (rc < 0)
			return rc;
		vfork = ckpt_in_vfork(ckpt);
		if (!vfork)
			return 0;
		pid = vfork->pid;
		park_end(&ckpt->park);
		if (ckpt_now() >= until)
			return err_say(err, EBUSY,
				       "process %d waits in vfork for a child that does not go on "
				       "to another "
				       "program; try again when it has",
				       pid);
	}
}

/* Forget what was captured. */
static void ckpt_forget(struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		if (p->snapshot > 0)
			probe_snapshot_destroy(p->snapshot);
		res_listing_done(&p->listing);
		pages_done(&p->pages);
		model_done(&p->base.index);
		free(p->supposed.at);
		model_done(&p->m);
	}
	free(ckpt->processes);
	ckpt->processes = NULL;
	ckpt->nprocesses = 0;
	free(ckpt->skipped);
	ckpt->skipped = NULL;
	ckpt->nskipped = 0;
	res_capture_done(&ckpt->res);
	sysv_capture_done(&ckpt->sysv);
	sharers_done(&ckpt->sharers);
	shared_done(&ckpt->kept);
}

/* Park and capture, once. */
static int ckpt_try(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	int64_t captured_ns;
	int rc;

	res_capture_init(&ckpt->res, ckpt->options.streams, ckpt->options.nstreams);
	ckpt->res.close_outside = ckpt->options.close_outside;
	ckpt->res.policies = ckpt->options.policies;
	rc = ckpt_park(ckpt, memory, err);
	if (rc < 0)
		return rc;
	ckpt->parked = true;
	ckpt->skipped = ckpt->park.skipped;
	ckpt->nskipped = ckpt->park.nskipped;
	ckpt->park.skipped = NULL;
	ckpt->result.park_ns = ckpt->park.parked_ns - ckpt->park.began_ns;
	ckpt->result.processes = ckpt->result.threads = 0;
	ckpt->copied = 0;
	ckpt->stands = false;
	rc = ckpt_capture(ckpt, err);
	captured_ns = ckpt_now();
	if (rc < 0 || !(ckpt->options.hold || ckpt->stands))
		ckpt_release(ckpt);
	log_debug("ckpt", "parked in %.3f ms, captured in %.3f, released in %.3f",
		  (double)ckpt->result.park_ns / 1e6,
		  (double)(captured_ns - ckpt->park.parked_ns) / 1e6,
		  (double)(ckpt_now() - captured_ns) / 1e6);
	return rc;
}

/*
 * Again, as long as something is in the way that the program itself will take away (a connection that it has
 * not accepted yet). There is no event to wait for: only the program knows when, and it has to run to do it.
 */
static int ckpt_try_again(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	int64_t until = ckpt_now() + CKPT_BUSY_DEADLINE_MS * 1000000ll;
	struct timespec pause = { .tv_nsec = 1000000 };
	int rc;

	while ((rc = ckpt_try(ckpt, memory, err)) == -RES_BUSY && ckpt_now() < until) {
		ckpt_forget(ckpt);
		nanosleep(&pause, NULL);
		pause.tv_nsec *= pause.tv_nsec < CKPT_BUSY_PAUSE_MAX_NS ? 2 : 1;
	}
	return rc;
}

/* After the pause: was all as supposed? 1: no. */
static int ckpt_confirm(struct ckpt *ckpt, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		if (p->supposed.n)
			rc = capture_confirm(&p->m, &p->supposed,
					     p->snapshot ? p->snapshot : p->alive, err);
	}
	return rc;
}

/* What can be looked at before the program is stopped. */
static int ckpt_look_ahead(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	const struct asleep_options options = {
		.root = ckpt->options.root,
		.with_orphans = ckpt->options.with_orphans,
		.except = ckpt->options.except,
		.beside = ckpt->options.joined,
		.nbeside = ckpt->options.strangers ? ckpt->options.njoined : 0,
		.pages = CAPTURE_FEW_PAGES,
		.allowed_ns = ckpt_park_allowed(ckpt) / CKPT_AHEAD_PART,
		.look = ahead_look,
		.arg = &ckpt->ahead,
	};
	int64_t began_ns = ckpt_now();
	struct apart_namespaces own;
	int rc;

	apart_look(&own, 0);
	ckpt->ahead.own = &own;
	rc = asleep_begin(&ckpt->asleep, &options, memory, err);
	ckpt->ahead.own = NULL;

	log_debug("ckpt", "looked ahead at %zu processes in %.3f ms", ckpt->ahead.n,
		  (double)(ckpt_now() - began_ns) / 1e6);
	ahead_sort(&ckpt->ahead);
	return rc;
}

/* A second time, if what was supposed turns out to be wrong. */
static int ckpt_take(struct ckpt *ckpt, struct park_memory *memory, struct err *err)
{
	int rc = ckpt_look_ahead(ckpt, memory, err);

	if (rc >= 0)
		rc = ckpt_try_again(ckpt, memory, err);
	ahead_done(&ckpt->ahead);
	if (rc >= 0)
		rc = ckpt_confirm(ckpt, err);
	if (rc <= 0)
		return rc;
	ckpt_release(ckpt);
	ckpt_forget(ckpt);
	ckpt->exact = true;
	return ckpt_try_again(ckpt, memory, err);
}

/* Has this machine put memory on a disk? */
static bool ckpt_is_swapping(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 || info.freeswap != info.totalswap;
}

int ckpt_begin(struct ckpt **out, const struct ckpt_options *options, struct park_memory *memory,
	       struct err *err)
{
	struct ckpt *ckpt = calloc(1, sizeof(*ckpt));
	int rc;

	if (!ckpt)
		return err_set(err, ENOMEM, "start a checkpoint");
	ckpt->options = *options;
	ckpt->swapping = ckpt_is_swapping();
	notes_trim(options->notes);
	rc = machine_look(&ckpt->machine, err);
	if (rc >= 0)
		rc = ckpt_take(ckpt, memory, err);
	if (rc >= 0)
		rc = ckpt_scan(ckpt, err);
	if (rc < 0) {
		ckpt_close(ckpt);
		return rc;
	}
	*out = ckpt;
	return 0;
}

void ckpt_progress(const struct ckpt *ckpt, uint64_t *done, uint64_t *total)
{
	*done = ckpt->done;
	*total = ckpt->total;
}

void ckpt_cancel(struct ckpt *ckpt)
{
	atomic_store(&ckpt->cancelled, true);
}

void ckpt_result(const struct ckpt *ckpt, struct ckpt_result *result)
{
	*result = ckpt->result;
	if (ckpt->parked)
		result->pause_ns = ckpt_now() - ckpt->park.began_ns;
}

const struct park_skipped *ckpt_skipped(const struct ckpt *ckpt, size_t *n)
{
	*n = ckpt->nskipped;
	return ckpt->skipped;
}

const struct model **ckpt_models(const struct ckpt *ckpt, size_t *n)
{
	const struct model **models = calloc(ckpt->nprocesses + 1, sizeof(*models));

	*n = ckpt->nprocesses;
	for (size_t i = 0; models && i < *n; i++)
		models[i] = &ckpt->processes[i].m;
	return models;
}

bool ckpt_holds(const struct ckpt *ckpt)
{
	return ckpt->parked;
}

void ckpt_kill(struct ckpt *ckpt)
{
	for (size_t i = 0; ckpt->parked && i < ckpt->nprocesses; i++)
		if (!ckpt->processes[i].zombie)
			kill(ckpt->processes[i].pid, SIGKILL);
}

void ckpt_close(struct ckpt *ckpt)
{
	if (!ckpt)
		return;
	ckpt_release(ckpt);
	ckpt_forget(ckpt);
	ahead_done(&ckpt->ahead);
	free(ckpt);
}
