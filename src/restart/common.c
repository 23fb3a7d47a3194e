/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/common_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	COMMON_SOURCES = 8, /* images of which one mapping may have pages; more are not looked at */
};

/* Pages of a mapping that stand in image @source for the same address. */
struct common_piece {
	uint32_t process, vma, source;
	uint64_t addr, len; /* bytes; 0: not taken */
};

/* A mapping that is taken from a window. */
struct common_user {
	uint32_t process, vma, source, flags;
	uint64_t start, end;
	uint64_t dev, ino; /* of the file that is mapped; 0: anonymous */
	uint64_t delta; /* from an address to the place in it */
};

struct common_search {
	struct common *c;
	MODEL_ARRAY(struct common_piece) pieces; /* by process, mapping and address, once sorted */
	MODEL_ARRAY(struct common_user) users;
};

/* Which file mapping @v is of, where that can be mapped by its path; NULL: it is of none. */
static const struct img_file *common_file(const struct model *m, const struct img_vma *v)
{
	const struct img_file *f =
		v->kind == IMG_VMA_FILE && v->file ? model_file(m, v->file) : NULL;

	return f && f->ino && S_ISREG(f->mode) &&
			       !(f->flags & (IMG_FILE_DELETED | IMG_FILE_SAVED | IMG_FILE_MEMORY))
		       ? f
		       : NULL;
}

/* Plain memory: what can be moved into place and then be as it was. */
static bool common_is_plain(const struct model *m, const struct img_vma *v)
{
	return ((v->kind == IMG_VMA_ANON && !v->file) || common_file(m, v)) && !v->object &&
	       !m->policies.n && !(v->flags & ~(uint32_t)(IMG_VMA_NORESERVE | IMG_VMA_GROWSDOWN)) &&
	       !model_is_unforked(v);
}

/* Becomes one with what stands before it from number @first on. */
static int common_add_range_after(common_ranges *list, size_t first, uint64_t addr, uint64_t len)
{
	struct img_range *last = list->n > first ? &list->at[list->n - 1] : NULL;

	if (last && last->addr + last->len == addr) {
		last->len += len;
		return 0;
	}
	last = model_add(list);
	if (!last)
		return -ENOMEM;
	*last = (struct img_range){ addr, len };
	return 0;
}

static int common_add_range(common_ranges *list, uint64_t addr, uint64_t len)
{
	return common_add_range_after(list, 0, addr, len);
}

size_t common_first(const common_ranges *list, uint64_t addr)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->at[mid].addr + list->at[mid].len <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int common_add_piece(struct common_search *s, size_t process, size_t vma, size_t source,
			    uint64_t addr, uint64_t len)
{
	struct common_piece *last = s->pieces.n ? &s->pieces.at[s->pieces.n - 1] : NULL;

	if (last && last->process == process && last->vma == vma && last->source == source &&
	    last->addr + last->len == addr) {
		last->len += len;
		return 0;
	}
	last = model_add(&s->pieces);
	if (!last)
		return -ENOMEM;
	*last = (struct common_piece){ (uint32_t)process, (uint32_t)vma, (uint32_t)source, addr,
				       len };
	return 0;
}

/* Of [@from, @to) in @run of process @i: what image @source has for the same addresses. */
static int common_match(struct common_search *s, size_t i, size_t vma, const struct img_run *run,
			size_t source, uint64_t from, uint64_t to)
{
	const struct model *m = common_model(s->c, source);
	const struct img_chunk *c = &common_model(s->c, i)->chunks.at[run->chunk];
	int rc = 0;

	for (size_t k = model_first_run(m, from);
	     rc >= 0 && k < m->runs.n && m->runs.at[k].addr < to; k++) {
		const struct img_run *r = &m->runs.at[k];
		const struct img_chunk *held = &m->chunks.at[r->chunk];
		uint64_t start = common_max(from, r->addr);
		uint64_t end = common_min(to, r->addr + r->len);

		if (!held->source && held->offset == c->offset && held->xxh3 == c->xxh3 &&
		    r->offset + (start - r->addr) == run->offset + (start - run->addr))
			rc = common_add_piece(s, i, vma, source, start, end - start);
	}
	return rc;
}

static size_t common_image(const struct common *c, uint32_t pid)
{
	size_t i = 0;

	while (i < c->n && (uint32_t)common_model(c, i)->process.pid != pid)
		i++;
	return i;
}

static int common_look(struct common_search *s, size_t i)
{
	const struct model *m = common_model(s->c, i);
	size_t vma = 0, source = s->c->n;
	uint32_t pid = 0;
	int rc = 0;

	for (size_t k = 0; rc >= 0 && k < m->runs.n; k++) {
		const struct img_run *r = &m->runs.at[k];
		const struct img_chunk *c = &m->chunks.at[r->chunk];

		if (c->source && c->source != pid) {
			pid = c->source;
			source = common_image(s->c, pid);
		}
		while (m->vmas.at[vma].end <= r->addr)
			vma++;
		for (size_t v = vma; rc >= 0 && c->source && source < s->c->n && v < m->vmas.n &&
				     m->vmas.at[v].start < r->addr + r->len;
		     v++)
			if (common_is_plain(m, &m->vmas.at[v]))
				rc = common_match(s, i, v, r, source,
						  common_max(r->addr, m->vmas.at[v].start),
						  common_min(r->addr + r->len, m->vmas.at[v].end));
	}
	return rc;
}

static int common_compare_ranges(const void *a, const void *b)
{
	const struct img_range *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void common_merge(common_ranges *list)
{
	size_t n = 0;

	if (!list->n)
		return;
	qsort(list->at, list->n, sizeof(*list->at), common_compare_ranges);
	for (size_t i = 1; i < list->n; i++) {
		struct img_range *last = &list->at[n];
		const struct img_range *next = &list->at[i];

		if (next->addr <= last->addr + last->len)
			last->len = common_max(last->len, next->addr + next->len - last->addr);
		else
			list->at[++n] = *next;
	}
	list->n = n + 1;
}

/* Which pages of each image are taken by others. */
static int common_mark(struct common_search *s)
{
	int rc = 0;

	for (size_t i = 0; i < s->c->n; i++)
		s->c->marks[i].n = 0;
	for (size_t i = 0; rc >= 0 && i < s->pieces.n; i++) {
		const struct common_piece *p = &s->pieces.at[i];

		if (p->len && p->process != p->source)
			rc = common_add_range(&s->c->marks[p->source], p->addr, p->len);
	}
	for (size_t i = 0; i < s->c->n; i++)
		common_merge(&s->c->marks[i]);
	return rc;
}

/* Who has the pages in its own image takes them as well. */
static int common_take_own(struct common_search *s, size_t i)
{
	const struct model *m = common_model(s->c, i);
	const common_ranges *marks = &s->c->marks[i];
	int rc = 0;

	for (size_t v = 0; marks->n && v < m->vmas.n; v++) {
		const struct img_vma *vma = &m->vmas.at[v];

		for (size_t k = common_first(marks, vma->start);
		     rc >= 0 && common_is_plain(m, vma) && k < marks->n &&
		     marks->at[k].addr < vma->end;
		     k++) {
			uint64_t from = common_max(marks->at[k].addr, vma->start);
			uint64_t to = common_min(marks->at[k].addr + marks->at[k].len, vma->end);

			rc = common_add_piece(s, i, v, i, from, to - from);
		}
	}
	return rc;
}

static int common_compare_pieces(const void *a, const void *b)
{
	const struct common_piece *x = a, *y = b;

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return (x->addr > y->addr) - (x->addr < y->addr);
}

/* The source of most of pieces [@from, @to), which are all of one mapping. */
static uint32_t common_best(const struct common_search *s, size_t from, size_t to)
{
	struct {
		uint32_t source;
		uint64_t bytes;
	} seen[COMMON_SOURCES] = { 0 };
	size_t n = 0, best = 0;

	for (size_t i = from; i < to; i++) {
		const struct common_piece *p = &s->pieces.at[i];
		size_t k = 0;

		while (k < n && seen[k].source != p->source)
			k++;
		if (k == COMMON_SOURCES)
			continue;
		if (k == n) {
			seen[n].source = p->source;
			seen[n++].bytes = 0;
		}
		seen[k].bytes += p->len;
		if (seen[k].bytes > seen[best].bytes)
			best = k;
	}
	return seen[best].source;
}

static size_t common_group_end(const struct common_search *s, size_t from)
{
	const struct common_piece *p = s->pieces.at;
	size_t to = from;

	while (to < s->pieces.n && p[to].process == p[from].process && p[to].vma == p[from].vma)
		to++;
	return to;
}

/* A mapping is taken from one window: that which has most of it. */
static void common_choose(struct common_search *s)
{
	if (s->pieces.n)
		qsort(s->pieces.at, s->pieces.n, sizeof(*s->pieces.at), common_compare_pieces);
	for (size_t from = 0, to; from < s->pieces.n; from = to) {
		uint32_t best;

		to = common_group_end(s, from);
		best = common_best(s, from, to);
		for (size_t i = from; i < to; i++)
			if (s->pieces.at[i].source != best)
				s->pieces.at[i].len = 0;
	}
}

static struct common_user common_user(const struct common *c, const struct common_piece *p)
{
	const struct model *m = common_model(c, p->process);
	const struct img_vma *v = &m->vmas.at[p->vma];
	const struct img_file *f = common_file(m, v);

	return (struct common_user){
		.process = p->process,
		.vma = p->vma,
		.source = p->source,
		.flags = v->flags,
		.start = v->start,
		.end = v->end,
		.dev = f ? f->dev : 0,
		.ino = f ? f->ino : 0,
		.delta = f ? v->offset - v->start : 0,
	};
}

static int common_add_users(struct common_search *s)
{
	for (size_t from = 0, to; from < s->pieces.n; from = to) {
		struct common_user *u;

		to = common_group_end(s, from);
		while (from < to && !s->pieces.at[from].len)
			from++;
		if (from == to || !s->c->marks[s->pieces.at[from].source].n)
			continue;
		u = model_add(&s->users);
		if (!u)
			return -ENOMEM;
		*u = common_user(s->c, &s->pieces.at[from]);
	}
	return 0;
}

/* 0: of one kind of memory, so that one window may do for both. */
static int common_compare_kinds(const struct common_user *x, const struct common_user *y)
{
	const uint64_t pairs[5][2] = { { x->source, y->source },
				       { x->flags, y->flags },
				       { x->dev, y->dev },
				       { x->ino, y->ino },
				       { x->delta, y->delta } };

	for (size_t i = 0; i < 5; i++)
		if (pairs[i][0] != pairs[i][1])
			return pairs[i][0] < pairs[i][1] ? -1 : 1;
	return 0;
}

static int common_compare_users(const void *a, const void *b)
{
	const struct common_user *x = a, *y = b;
	int kinds = common_compare_kinds(x, y);

	return kinds ? kinds : (x->start > y->start) - (x->start < y->start);
}

static struct common_window common_window(const struct common *c, const struct common_user *u)
{
	const struct model *m = common_model(c, u->process);
	const struct img_file *f = common_file(m, &m->vmas.at[u->vma]);

	return (struct common_window){ .image = u->source,
				       .flags = u->flags,
				       .start = u->start,
				       .end = u->end,
				       .path = f ? model_string(m, f->path) : NULL,
				       .delta = u->delta };
}

/* A window is as large as all mappings that overlap. */
static int common_add_windows(struct common_search *s)
{
	struct common *c = s->c;

	c->windows = calloc(s->users.n + 1, sizeof(*c->windows));
	if (!c->windows)
		return -ENOMEM;
	if (s->users.n)
		qsort(s->users.at, s->users.n, sizeof(*s->users.at), common_compare_users);
	for (size_t i = 0; i < s->users.n; i++) {
		const struct common_user *u = &s->users.at[i];
		const struct img_vma *v = &common_model(c, u->process)->vmas.at[u->vma];
		struct common_window *w = c->windows + c->nwindows;

		if (i && !common_compare_kinds(u - 1, u) && u->start < w[-1].end) {
			w--;
		} else {
			*w = common_window(c, u);
			c->nwindows++;
		}
		w->end = common_max(w->end, u->end);
		w->huge |= v->advice >> MADV_HUGEPAGE & 1;
		c->processes[u->process].window[u->vma] = (uint32_t)c->nwindows;
	}
	return 0;
}

/*
 * [@from, @to) comes with a window: what of it is in no run of @m was never written. Ranges from number
 * @first on are of the same mapping; none reaches over two.
 */
static int common_drop(common_ranges *dropped, size_t first, const struct model *m, uint64_t from,
		       uint64_t to)
{
	int rc = 0;

	for (size_t k = model_first_run(m, from);
	     rc >= 0 && k < m->runs.n && m->runs.at[k].addr < to; k++) {
		const struct img_run *r = &m->runs.at[k];

		if (r->addr > from)
			rc = common_add_range_after(dropped, first, from, r->addr - from);
		from = common_max(from, r->addr + r->len);
	}
	return rc >= 0 && from < to ? common_add_range_after(dropped, first, from, to - from) : rc;
}

/* What of mapping @vma of process @i its window brings that is not for it. */
static int common_note_dropped(struct common *c, size_t i, size_t vma)
{
	const struct model *m = common_model(c, i);
	const struct img_vma *v = &m->vmas.at[vma];
	size_t first = c->processes[i].dropped.n;
	const common_ranges *marks;
	int rc = 0;

	if (!c->processes[i].window[vma])
		return 0;
	marks = &c->marks[c->windows[c->processes[i].window[vma] - 1].image];
	for (size_t k = common_first(marks, v->start);
	     rc >= 0 && k < marks->n && marks->at[k].addr < v->end; k++)
		rc = common_drop(&c->processes[i].dropped, first, m,
				 common_max(marks->at[k].addr, v->start),
				 common_min(marks->at[k].addr + marks->at[k].len, v->end));
	return rc;
}

static int common_note_kept(struct common *c, const struct common_piece *p)
{
	const common_ranges *marks = &c->marks[p->source];
	int rc = 0;

	for (size_t k = common_first(marks, p->addr);
	     rc >= 0 && k < marks->n && marks->at[k].addr < p->addr + p->len; k++) {
		uint64_t from = common_max(marks->at[k].addr, p->addr);
		uint64_t to = common_min(marks->at[k].addr + marks->at[k].len, p->addr + p->len);

		rc = common_add_range(&c->processes[p->process].kept, from, to - from);
	}
	return rc;
}

static int common_note(struct common_search *s)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < s->pieces.n; i++)
		if (s->pieces.at[i].len)
			rc = common_note_kept(s->c, &s->pieces.at[i]);
	for (size_t i = 0; rc >= 0 && i < s->c->n; i++)
		for (size_t v = 0; rc >= 0 && v < common_model(s->c, i)->vmas.n; v++)
			rc = common_note_dropped(s->c, i, v);
	return rc;
}

static int common_search(struct common_search *s)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < s->c->n; i++)
		rc = common_look(s, i);
	if (rc < 0 || !s->pieces.n)
		return rc;
	rc = common_mark(s);
	for (size_t i = 0; rc >= 0 && i < s->c->n; i++)
		rc = common_take_own(s, i);
	if (rc < 0)
		return rc;
	common_choose(s);
	rc = common_mark(s);
	if (rc >= 0)
		rc = common_add_users(s);
	if (rc >= 0)
		rc = common_add_windows(s);
	return rc < 0 ? rc : common_note(s);
}

int common_find(struct common *c, struct image_reader *const *images, size_t n, struct err *err)
{
	struct common_search s = { .c = c };
	int rc = 0;

	*c = (struct common){ .images = images, .n = n };
	c->processes = calloc(n + 1, sizeof(*c->processes));
	c->marks = calloc(n + 1, sizeof(*c->marks));
	if (!c->processes || !c->marks)
		rc = -ENOMEM;
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		c->processes[i].window =
			calloc(common_model(c, i)->vmas.n + 1, sizeof(*c->processes[i].window));
		if (!c->processes[i].window)
			rc = -ENOMEM;
	}
	if (rc >= 0)
		rc = common_search(&s);
	free(s.pieces.at);
	free(s.users.at);
	return rc < 0 ? err_set(err, rc, "memory that %zu processes have in common", n) : 0;
}
