/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/common_inside.h"

#include "base/owned.h"
#include "restart/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { COMMON_ELSE = 64 << 20 }; /* bytes of addresses that a process needs besides, generously */

typedef MODEL_ARRAY(struct img_run) common_runs;

/* Without windows: all is filled, process by process. */
static void common_forget(struct common *c)
{
	for (size_t i = 0; i < c->nwindows; i++)
		if (c->windows[i].at)
			munmap((void *)(uintptr_t)c->windows[i].at,
			       c->windows[i].end - c->windows[i].start);
	c->nwindows = 0;
	for (size_t i = 0; c->processes && i < c->n; i++) {
		struct common_process *p = &c->processes[i];

		for (size_t v = 0; p->window && v < common_model(c, i)->vmas.n; v++)
			p->window[v] = 0;
		p->kept.n = p->dropped.n = 0;
	}
}

/* [@at, @at + @size) becomes a mapping of the window's file. */
static bool common_map_file(const struct common_window *w, uint64_t at, uint64_t size)
{
	OWNED_FD int fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int flags = MAP_PRIVATE | MAP_FIXED | (w->flags & IMG_VMA_NORESERVE ? MAP_NORESERVE : 0);

	return fd >= 0 && mmap((void *)(uintptr_t)at, size, PROT_READ | PROT_WRITE, flags, fd,
			       (off_t)(w->start + w->delta)) != MAP_FAILED;
}

static bool common_map(struct common_window *w)
{
	uint64_t size = w->end - w->start, at, gap;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *room;

	flags |= w->flags & IMG_VMA_NORESERVE ? MAP_NORESERVE : 0;
	flags |= w->flags & IMG_VMA_GROWSDOWN ? MAP_GROWSDOWN : 0;
	room = mmap(NULL, size + COMMON_HUGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (room == MAP_FAILED)
		return false;
	at = (uintptr_t)room;
	gap = (w->start - at) & (COMMON_HUGE - 1);
	if (gap)
		munmap(room, gap);
	munmap((void *)(uintptr_t)(at + gap + size), COMMON_HUGE - gap);
	w->at = at + gap;
	if (w->huge)
		madvise((void *)(uintptr_t)w->at, size, MADV_HUGEPAGE);
	return !w->path || common_map_file(w, w->at, size);
}

/* What of @run lies in [@from, @to), @shift bytes further on. */
static int common_add_run(common_runs *runs, const struct img_run *run, uint64_t from, uint64_t to,
			  uint64_t shift)
{
	struct img_run part = *run, *r;

	if (!model_clip_run(&part, from, to))
		return 0;
	r = model_add(runs);
	if (!r)
		return -ENOMEM;
	*r = part;
	r->addr += shift;
	return 0;
}

/* The runs of its image that window @w brings, at their places in it. */
static int common_window_runs(const struct common *c, const struct common_window *w,
			      common_runs *runs)
{
	const struct model *m = common_model(c, w->image);
	const common_ranges *marks = &c->marks[w->image];
	int rc = 0;

	for (size_t k = common_first(marks, w->start);
	     rc >= 0 && k < marks->n && marks->at[k].addr < w->end; k++) {
		uint64_t from = common_max(marks->at[k].addr, w->start);
		uint64_t to = common_min(marks->at[k].addr + marks->at[k].len, w->end);

		for (size_t i = model_first_run(m, from);
		     rc >= 0 && i < m->runs.n && m->runs.at[i].addr < to; i++)
			rc = common_add_run(runs, &m->runs.at[i], from, to, w->at - w->start);
	}
	return rc;
}

/* All windows with pages of image @i. */
static int common_fill(struct common *c, size_t i, int workers, uint64_t *bytes, struct err *err)
{
	struct fill_target target = { .image = c->images[i], .pid = getpid() };
	common_runs runs = { 0 };
	uint64_t filled = 0;
	int rc = 0;

	for (size_t k = 0; rc >= 0 && k < c->nwindows; k++)
		if (c->windows[k].image == i)
			rc = common_window_runs(c, &c->windows[k], &runs);
	target.runs = runs.at;
	target.nruns = runs.n;
	rc = rc < 0 ? err_set(err, rc, "memory that processes have in common")
		    : fill_memory(&target, 1, workers, &filled, err);
	free(runs.at);
	*bytes += filled;
	return rc;
}

/*
 * While it is moved into place a window counts twice, in each process: too much for some limits
 * (`ulimit -v`), and where the kernel promises no more memory than there is.
 */
static bool common_fits(const struct common *c)
{
	OWNED_FD int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t bytes = COMMON_ELSE;
	char mode = '0';

	for (size_t i = 0; i < c->nwindows; i++)
		bytes += 2 * (c->windows[i].end - c->windows[i].start + COMMON_HUGE);
	getrlimit(RLIMIT_AS, &limit);
	return bytes <= limit.rlim_cur && (fd < 0 || read(fd, &mode, 1) != 1 || mode != '2');
}

int common_make(struct common *c, int workers, uint64_t *bytes, struct err *err)
{
	int rc = 0;

	*bytes = 0;
	if (!common_fits(c))
		common_forget(c);
	for (size_t i = 0; i < c->nwindows; i++)
		if (!common_map(&c->windows[i]))
			common_forget(c);
	for (size_t i = 0; rc >= 0 && c->nwindows && i < c->n; i++)
		if (c->marks[i].n)
			rc = common_fill(c, i, workers, bytes, err);
	return rc;
}

int common_runs_left(const struct common *c, size_t index, struct img_run **out, size_t *n,
		     struct err *err)
{
	const struct model *m = common_model(c, index);
	const common_ranges *kept = &c->processes[index].kept;
	common_runs runs = { 0 };
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < m->runs.n; i++) {
		const struct img_run *r = &m->runs.at[i];
		uint64_t from = r->addr, end = r->addr + r->len;

		for (size_t k = common_first(kept, from);
		     rc >= 0 && k < kept->n && kept->at[k].addr < end; k++) {
			rc = common_add_run(&runs, r, from, kept->at[k].addr, 0);
			from = kept->at[k].addr + kept->at[k].len;
		}
		if (rc >= 0)
			rc = common_add_run(&runs, r, from, end, 0);
	}
	if (rc < 0) {
		free(runs.at);
		return err_set(err, rc, "index of page contents");
	}
	*out = runs.at;
	*n = runs.n;
	return 0;
}

void common_done(struct common *c)
{
	common_forget(c);
	for (size_t i = 0; c->processes && i < c->n; i++) {
		free(c->processes[i].window);
		free(c->processes[i].kept.at);
		free(c->processes[i].dropped.at);
	}
	for (size_t i = 0; c->marks && i < c->n; i++)
		free(c->marks[i].at);
	free(c->processes);
	free(c->marks);
	free(c->windows);
	*c = (struct common){ 0 };
}
