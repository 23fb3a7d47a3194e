/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/twin.h"

#include "host/procid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TWIN_PAGE = 4096,
	TWIN_SAMPLES = 8, /* pages of a stretch: where all differ, the rest is not read */
};

/* Where the kernel has put a program is random, and the same in all that are forked from it. */
bool twin_related(const struct model *a, const struct model *b)
{
	const struct img_process *x = &a->process, *y = &b->process;

	return x->start_code == y->start_code && x->start_stack == y->start_stack &&
	       x->start_brk == y->start_brk && x->arg_start == y->arg_start &&
	       x->vdso_start == y->vdso_start && x->exe_dev == y->exe_dev &&
	       x->exe_ino == y->exe_ino && x->start_stack;
}

static bool twin_counts(const struct img_vma *v)
{
	return !(v->flags & IMG_VMA_SHARED) && !model_is_unforked(v);
}

/* What of @run lies in [@start, @end); false when out of memory. */
static bool twin_add(struct model *kept, const struct img_run *run, uint64_t start, uint64_t end)
{
	struct img_run part = *run, *last = kept->runs.n ? &kept->runs.at[kept->runs.n - 1] : NULL;

	if (!model_clip_run(&part, start, end))
		return true;
	if (last && last->addr + last->len == part.addr && last->chunk == part.chunk &&
	    last->offset + last->len == part.offset) {
		last->len += part.len;
		return true;
	}
	last = model_add(&kept->runs);
	if (last)
		*last = part;
	return last;
}

void twin_keep(struct image_base *base, const struct model *m)
{
	struct model kept = { 0 };
	bool room = true;
	size_t vma = 0;

	for (size_t i = 0; i < base->index.runs.n; i++) {
		const struct img_run *run = &base->index.runs.at[i];

		while (m->vmas.at[vma].end <= run->addr)
			vma++;
		for (size_t k = vma;
		     room && k < m->vmas.n && m->vmas.at[k].start < run->addr + run->len; k++)
			room = !twin_counts(&m->vmas.at[k]) ||
			       twin_add(&kept, run, m->vmas.at[k].start, m->vmas.at[k].end);
	}
	free(base->index.runs.at);
	base->index.runs.at = kept.runs.at;
	base->index.runs.n = kept.runs.n;
	base->index.runs.room = kept.runs.room;
}

int twin_look_open(struct twin_look *l, const struct image_base *base,
		   const struct pages_list *pages, pid_t memory, struct err *err)
{
	char path[64];

	*l = (struct twin_look){ .base = base, .pages = pages, .mem = -1 };
	if (!base)
		return 0;
	procid_path(path, sizeof(path), memory, "mem");
	l->mem = open(path, O_RDONLY | O_CLOEXEC);
	if (l->mem < 0)
		return err_set(err, errno, "open %s", path);
	l->other = malloc(IMG_CHUNK_MAX);
	return l->other ? 0 : err_set(err, ENOMEM, "compare memory of processes");
}

void twin_look_close(struct twin_look *l)
{
	if (l->mem >= 0)
		close(l->mem);
	free(l->other);
	*l = (struct twin_look){ .mem = -1 };
}

static const struct pages_range *twin_range(const struct twin_look *l, uint64_t addr)
{
	const struct pages_range *at = l->pages->ranges.at;
	size_t low = 0, high = l->pages->ranges.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (at[mid].addr + at[mid].len <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->pages->ranges.n && at[low].addr <= addr ? &at[low] : NULL;
}

/* Of the base. What cannot be read is not in common. */
static bool twin_read(const struct twin_look *l, uint64_t addr, size_t len)
{
	size_t n;

	for (size_t done = 0; done < len; done += n) {
		const struct pages_range *r = twin_range(l, addr + done);

		if (!r)
			return false;
		n = r->addr + r->len - (addr + done);
		if (n > len - done)
			n = len - done;
		if (r->copy)
			memcpy(l->other + done, r->copy + (addr + done - r->addr), n);
		else if (pread(l->mem, l->other + done, n, (off_t)(addr + done)) != (ssize_t)n)
			return false;
	}
	return true;
}

static bool twin_promises(const struct twin_look *l, uint64_t addr, size_t len, const char *bytes)
{
	size_t pages = len / TWIN_PAGE;

	if (pages <= TWIN_SAMPLES)
		return true;
	for (size_t i = 0; i < TWIN_SAMPLES; i++) {
		size_t at = i * pages / TWIN_SAMPLES * TWIN_PAGE;

		if (twin_read(l, addr + at, TWIN_PAGE) && !memcmp(l->other, bytes + at, TWIN_PAGE))
			return true;
	}
	return false;
}

/* @len bytes at @addr, all in run @held of the base. */
static void twin_compare(const struct twin_look *l, const struct img_run *held, uint64_t addr,
			 size_t len, const char *bytes, bool *same, struct img_run *runs,
			 size_t *nruns)
{
	if (!twin_promises(l, addr, len, bytes) || !twin_read(l, addr, len))
		return;
	for (size_t at = 0; at < len; at += TWIN_PAGE) {
		struct img_run *last = *nruns ? &runs[*nruns - 1] : NULL;
		uint32_t offset = held->offset + (uint32_t)(addr + at - held->addr);

		if (memcmp(l->other + at, bytes + at, TWIN_PAGE) != 0)
			continue;
		same[at / TWIN_PAGE] = true;
		if (last && last->addr + last->len == addr + at && last->chunk == held->chunk &&
		    last->offset + last->len == offset)
			last->len += TWIN_PAGE;
		else
			runs[(*nruns)++] = (struct img_run){ .addr = addr + at,
							     .len = TWIN_PAGE,
							     .chunk = held->chunk,
							     .offset = offset };
	}
}

void twin_find(const struct twin_look *l, uint64_t addr, size_t len, const char *bytes, bool *same,
	       struct img_run *runs, size_t *nruns)
{
	const struct model *index = &l->base->index;

	for (size_t i = model_first_run(index, addr);
	     i < index->runs.n && index->runs.at[i].addr < addr + len; i++) {
		const struct img_run *held = &index->runs.at[i];
		uint64_t from = held->addr > addr ? held->addr : addr;
		uint64_t to =
			held->addr + held->len < addr + len ? held->addr + held->len : addr + len;

		twin_compare(l, held, from, to - from, bytes + (from - addr),
			     same + (from - addr) / TWIN_PAGE, runs, nruns);
	}
}
