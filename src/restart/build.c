/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart, step by step: fork and seize; each process writes and follows its plan up to empty mappings;
 * fill; the rest of the plans with all threads; the last touch; let go.
 */
#include "base/owned.h"
#include "host/fault.h"
#include "host/terminal.h"
#include "res/mqueue.h"
#include "res/sysv.h"
#include "restart/child.h"
#include "restart/fill.h"
#include "restart/finish.h"
#include "restart/front.h"
#include "restart/place.h"
#include "restart/restart.h"
#include "restart/tracer.h"
#include "trace/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct build {
	const struct restart_place *place;
	struct child_context context;
	struct tracer tracer;
	struct finish *finish; /* one per process */
	struct rebuild_object *objects;
	size_t nobjects;
	struct sysv_restart sysv;
	struct mqueue_restart queues;
	struct common common;
	uint64_t common_bytes;
	const struct model **models;
	struct kin *kin;
};

static int64_t build_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static const struct model *build_model(const struct build *b, size_t i)
{
	return image_reader_model(b->context.images[i]);
}

static struct rebuild_object *build_object(struct build *b, const struct img_vma *v)
{
	size_t i = 0;

	while (i < b->nobjects && b->objects[i].object != v->object)
		i++;
	if (i == b->nobjects)
		b->objects[b->nobjects++].object = v->object;
	return &b->objects[i];
}

static bool build_is_shared(const struct img_vma *v)
{
	return v->kind == IMG_VMA_ANON && v->object && v->flags & IMG_VMA_SHARED &&
	       !(v->flags & IMG_VMA_HUGETLB);
}

static int build_make_object(struct build *b, struct rebuild_object *o, struct err *err)
{
	uint64_t size = 0;
	void *at;

	if (o->object & IMG_OBJECT_SYSV) {
		o->at = (uintptr_t)sysv_segment(&b->sysv, o->object, &size);
		if (!o->at || o->size > size)
			return err_say(
				err, EBADMSG,
				"a mapping of System V shared memory segment %u is of more than "
				"the images hold of it",
				(unsigned int)o->object);
		o->size = size;
		return 0;
	}
	at = mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	if (at == MAP_FAILED)
		return err_set(err, errno, "%llu bytes of shared memory",
			       (unsigned long long)o->size);
	o->at = (uintptr_t)at;
	return 0;
}

/* Shared memory without a file: made here once, inherited by all, moved into place by each. */
static int build_objects(struct build *b, struct err *err)
{
	size_t room = 1;

	for (size_t i = 0; i < b->context.n; i++)
		for (size_t k = 0; k < build_model(b, i)->vmas.n; k++)
			room += build_is_shared(&build_model(b, i)->vmas.at[k]);
	b->objects = calloc(room, sizeof(*b->objects));
	if (!b->objects)
		return err_set(err, ENOMEM, "shared memory");
	for (size_t i = 0; i < b->context.n; i++)
		for (size_t k = 0; k < build_model(b, i)->vmas.n; k++) {
			const struct img_vma *v = &build_model(b, i)->vmas.at[k];
			uint64_t size = v->offset + (v->end - v->start);
			struct rebuild_object *o = build_is_shared(v) ? build_object(b, v) : NULL;

			if (o && o->size < size)
				o->size = size;
		}
	for (size_t i = 0; i < b->nobjects; i++) {
		int rc = build_make_object(b, &b->objects[i], err);

		if (rc < 0)
			return rc;
	}
	b->context.objects = b->objects;
	b->context.nobjects = b->nobjects;
	return 0;
}

static int build_compare_kin(const void *a, const void *b)
{
	const struct kin *const *x = a, *const *y = b;

	return ((*x)->pid > (*y)->pid) - ((*x)->pid < (*y)->pid);
}

static const struct kin *build_parent(const struct kin *const *sorted, size_t n,
				      const struct kin *p)
{
	const struct kin wanted = { .pid = p->ppid }, *key = &wanted;
	const struct kin *const *found =
		bsearch(&key, sorted, n, sizeof(*sorted), build_compare_kin);

	return found ? *found : NULL;
}

/* Every line of parents ends outside of the images: who follows one comes to an end. */
static int build_check_kin(const struct build *b, struct err *err)
{
	size_t n = b->context.n;
	OWNED_PTR const struct kin **sorted = calloc(n + 1, sizeof(*sorted));
	OWNED_PTR size_t *seen = calloc(n + 1, sizeof(*seen)); /* on whose way, counted from 1 */

	if (!sorted || !seen)
		return err_set(err, ENOMEM, "restart of %zu processes", n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &b->kin[i];
	qsort(sorted, n, sizeof(*sorted), build_compare_kin);
	for (size_t i = 0; i < n; i++) {
		const struct kin *p = &b->kin[i];

		while (p && !seen[p - b->kin]) {
			seen[p - b->kin] = i + 1;
			p = build_parent(sorted, n, p);
		}
		if (p && seen[p - b->kin] == i + 1)
			return err_say(err, EBADMSG,
				       "the images make no sense: process %d is its own ancestor",
				       p->pid);
	}
	return 0;
}

/* What is looked at again and again, out of all images. */
static int build_kin(struct build *b, struct err *err)
{
	b->models = calloc(b->context.n, sizeof(*b->models));
	b->kin = calloc(b->context.n, sizeof(*b->kin));
	if (!b->models || !b->kin)
		return err_set(err, ENOMEM, "restart of %zu processes", b->context.n);
	for (size_t i = 0; i < b->context.n; i++) {
		b->models[i] = build_model(b, i);
		b->kin[i] = kin_of(&b->models[i]->process);
	}
	b->context.kin = (struct kin_all){ b->kin, b->context.n };
	if (build_check_kin(b, err) < 0)
		return -err->num;
	return sharing_create(&b->context.sharing, &b->context.kin, b->models, err);
}

static size_t build_shared(const struct build *b)
{
	return sizeof(*b->context.shelves) + b->context.n * sizeof(*b->context.boards);
}

static int build_init(struct build *b, struct err *err)
{
	size_t size = build_shared(b);
	int rc;
	void *boards = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	b->context.go[0] = b->context.go[1] = -1;
	b->context.line = b->place->front_fd;
	if (boards == MAP_FAILED)
		return err_set(err, errno, "restart of %zu processes", b->context.n);
	b->context.shelves = boards;
	b->context.boards = (void *)(b->context.shelves + 1);
	b->finish = calloc(b->context.n, sizeof(*b->finish));
	if (!b->finish)
		return err_set(err, ENOMEM, "restart of %zu processes", b->context.n);
	if (pipe2(b->context.go, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	rc = build_kin(b, err);
	if (rc < 0)
		return rc;
	if (b->place->strategy == IDS_CYCLE &&
	    (place_check_order(&b->context, err) < 0 ||
	     order_create(&b->context.order, b->context.images, b->context.n, getpid(), err) < 0))
		return -err->num;
	rc = res_remake_memory(b->models, b->context.n, err);
	if (rc >= 0)
		rc = sysv_make(&b->sysv, b->models, b->context.n, err);
	if (rc >= 0)
		rc = mqueue_make(&b->queues, b->models, b->context.n, err);
	if (rc >= 0)
		rc = build_objects(b, err);
	if (rc >= 0)
		rc = common_find(&b->common, b->context.images, b->context.n, err);
	b->context.common = &b->common;
	return rc < 0 ? rc
		      : common_make(&b->common, b->context.options->workers, &b->common_bytes, err);
}

static void build_done(struct build *b)
{
	for (size_t i = 0; b->finish && i < b->context.n; i++)
		finish_done(&b->finish[i]);
	free(b->finish);
	for (size_t i = 0; i < b->nobjects; i++)
		if (b->objects[i].at && !(b->objects[i].object & IMG_OBJECT_SYSV))
			munmap((void *)b->objects[i].at, b->objects[i].size);
	free(b->objects);
	common_done(&b->common);
	sysv_restart_done(&b->sysv);
	mqueue_restart_done(&b->queues);
	sharing_destroy(b->context.sharing);
	free(b->models);
	free(b->kin);
	order_destroy(b->context.order);
	owned_fd_done(&b->context.go[0]);
	owned_fd_done(&b->context.go[1]);
	if (b->context.shelves)
		munmap(b->context.shelves, build_shared(b));
}

/* What each process does not get from the windows. */
static int build_targets(const struct build *b, struct fill_target *targets, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < b->context.n; i++) {
		targets[i].image = b->context.images[i];
		targets[i].pid = b->tracer.at[i].pid;
		rc = common_runs_left(&b->common, i, &targets[i].runs, &targets[i].nruns, err);
	}
	return rc;
}

static int build_fill(struct build *b, struct restart_result *result, struct err *err)
{
	OWNED_PTR struct fill_target *targets = calloc(b->context.n, sizeof(*targets));
	int64_t began = build_clock();
	int rc;

	if (!targets)
		return err_set(err, ENOMEM, "fill memory");
	rc = build_targets(b, targets, err);
	if (rc >= 0)
		rc = fill_memory(targets, b->context.n, b->context.options->workers,
				 &result->memory_bytes, err);
	for (size_t i = 0; i < b->context.n; i++)
		free(targets[i].runs);
	result->memory_bytes += b->common_bytes;
	for (size_t i = 0; rc >= 0 && i < b->context.n; i++)
		rc = finish_prepare(&b->finish[i], build_model(b, i), result->calls, err);
	result->fill_ns = build_clock() - began;
	return rc;
}

/* Something for each process that lives. */
static int build_each(struct build *b, int (*step)(struct build *b, size_t i, struct err *err),
		      struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < b->context.n; i++) {
		if (build_model(b, i)->process.flags & IMG_PROC_ZOMBIE)
			continue;
		rc = step(b, i, err);
		if (rc < 0)
			err_add(err, "process %d", b->tracer.at[i].pid);
	}
	return rc;
}

static int build_stop_one(struct build *b, size_t i, struct err *err)
{
	int rc = tracer_stop_threads(&b->tracer, i, err);

	return rc < 0 ? rc : finish_stop(build_model(b, i), err);
}

static int build_finish_one(struct build *b, size_t i, struct err *err)
{
	return finish_process(&b->finish[i], b->context.boards[i].header, b->context.options->env,
			      err);
}

static int build_finish(struct build *b, struct err *err)
{
	int rc = build_each(b, build_stop_one, err);

	return rc < 0 ? rc : build_each(b, build_finish_one, err);
}

static int build_roll_back(const struct build *b, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < b->context.n; i++)
		rc = res_roll_back(build_model(b, i), err);
	for (size_t i = 0; rc >= 0 && i < b->context.n; i++)
		res_forget_told(build_model(b, i));
	return rc;
}

static pid_t build_root(const struct build *b)
{
	for (size_t i = 0; i < b->context.n; i++)
		if (build_model(b, i)->process.flags & IMG_PROC_ROOT)
			return build_model(b, i)->process.pid;
	return build_model(b, 0)->process.pid;
}

/* Of another group or session than the root's are those in the foreground of terminals inside. */
static bool build_in_foreground(const struct build *b, size_t i, pid_t root)
{
	const struct img_process *p = &build_model(b, i)->process;

	return p->flags & IMG_PROC_FOREGROUND && getsid(p->pid) == getsid(root);
}

/*
 * A screen that looks otherwise than when they were stopped: those who draw on it draw it anew. As from any
 * terminal whose size has changed.
 */
static void build_tell_of_terminal(const struct build *b, pid_t root)
{
	for (size_t i = 0; i < b->context.n; i++)
		if (build_in_foreground(b, i, root) &&
		    !(build_model(b, i)->process.flags & IMG_PROC_ZOMBIE))
			kill(build_model(b, i)->process.pid, SIGWINCH);
}

/*
 * To the group that had it, else to the root's; with its settings, as they may be a full-screen program's;
 * before anything runs that would read from it.
 */
static void build_hand_over_terminal(const struct build *b)
{
	pid_t root = build_root(b), pgid = getpgid(root);
	bool set = false;

	if (!b->place->foreground)
		return;
	for (size_t i = 0; i < b->context.n; i++) {
		if (build_in_foreground(b, i, root))
			pgid = getpgid(build_model(b, i)->process.pid);
		set = res_tty_set_own(build_model(b, i)) || set;
	}
	if (pgid > 0)
		terminal_give(pgid);
	if (set)
		build_tell_of_terminal(b, root);
}

/*
 * While all stand: so each finds its thread in the call that the thread was in. A moment later that may be on
 * its way into it again, and would wait in it although the signal has come.
 */
static void build_pass_signals(const struct build *b, uint64_t signals)
{
	for (int sig = 1; sig <= 64; sig++)
		if (signals >> (sig - 1) & 1)
			kill(build_root(b), sig);
}

static void build_step(const struct build *b, enum front_step step)
{
	front_progress_set(b->place->progress, step, 0);
}

static int build_run(struct build *b, struct restart_result *result, struct err *err)
{
	int64_t began = build_clock();
	uint64_t signals = 0;
	int rc;

	build_step(b, FRONT_STEP_PROCESSES);
	rc = tracer_start(&b->tracer, err);
	fault_point("restart.started");
	if (rc >= 0)
		rc = tracer_await(&b->tracer, err);
	fault_point("restart.mapped");
	result->build_ns = build_clock() - began;
	build_step(b, FRONT_STEP_MEMORY);
	if (rc >= 0)
		rc = build_fill(b, result, err);
	fault_point("restart.filled");
	build_step(b, FRONT_STEP_THREADS);
	if (rc >= 0)
		rc = tracer_continue(&b->tracer, err);
	fault_point("restart.continued");
	if (rc >= 0)
		rc = tracer_await(&b->tracer, err);
	fault_point("restart.rebuilt");
	build_step(b, FRONT_STEP_FINISH);
	if (rc >= 0)
		rc = build_finish(b, err);
	fault_point("restart.finished");
	if (rc >= 0)
		rc = front_ask(b->place->front_fd, &signals, err);
	if (rc >= 0)
		rc = sysv_settle(&b->sysv, err);
	if (rc >= 0)
		rc = mqueue_settle(&b->queues, err);
	if (rc >= 0)
		rc = build_roll_back(b, err);
	fault_point("restart.rolled_back");
	if (rc >= 0) {
		build_hand_over_terminal(b);
		build_pass_signals(b, signals);
		memory_begin(result->calls);
		tracer_release(&b->tracer);
	}
	result->total_ns = build_clock() - began;
	return rc;
}

int restart_build(struct image_reader *const *images, size_t n,
		  const struct restart_options *options, const struct restart_place *place,
		  struct restart_result *result, struct err *err)
{
	struct build b = { .context = { .images = images,
					.n = n,
					.options = options,
					.own_mounts = place->strategy == IDS_NAMESPACE },
			   .place = place };
	int rc;

	*result = (struct restart_result){ 0 };
	rc = park_memory_create(&result->calls, err);
	if (rc >= 0)
		rc = build_init(&b, err);
	if (rc >= 0)
		rc = tracer_init(&b.tracer, &b.context, err);
	b.tracer.progress = place->progress;
	if (rc >= 0)
		rc = build_run(&b, result, err);
	if (rc >= 0)
		result->root = build_root(&b);
	tracer_done(&b.tracer);
	if (rc < 0) {
		sysv_undo(&b.sysv);
		mqueue_undo(&b.queues);
		park_memory_destroy(result->calls);
		result->calls = NULL;
	}
	build_done(&b);
	return rc;
}
