/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of io_urings, each at its old address. The kernel lets nobody say where one shall be, nor move it
 * there: it looks for a place itself. So everything else is filled up for a moment, and only that place
 * is left.
 */
#include "base/owned.h"
#include "res/res.h"
#include "restart/rebuild.h"

#include <linux/io_uring.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <asm/unistd.h>

enum {
	URING_LOWEST = 65536, /* below that nobody may map anything */
	URING_PAGE = 4096,
	URING_ABOVE4G = 0x80, /* MAP_ABOVE4G, Linux 6.6: what is left below is not looked at */
};
#define URING_TOP 0x7ffffffff000ull /* the end of user addresses that anything is mapped at */

/* What lies between two mappings. */
typedef void uring_gap(struct rebuild *b, uint64_t start, uint64_t end);

static void uring_fill(struct rebuild *b, uint64_t start, uint64_t end)
{
	plan_call(&b->plan, PLAN_MUST, __NR_mmap, start, end - start, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, PLAN_ARG(-1));
}

static void uring_clear(struct rebuild *b, uint64_t start, uint64_t end)
{
	plan_call(&b->plan, PLAN_MUST, __NR_munmap, start, end - start);
}

static int uring_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct img_range *)a)->addr, y = ((const struct img_range *)b)->addr;

	return (x > y) - (x < y);
}

/* All that is mapped by now: that of the image, the plan's own region, and our vdso where it has a place. */
static size_t uring_taken(const struct rebuild *b, struct img_range *taken)
{
	size_t n = 0;

	for (size_t i = 0; i < b->m->vmas.n; i++) {
		const struct img_vma *v = &b->m->vmas.at[i];

		/* Where our vdso is another, its data are elsewhere. */
		if (v->kind == IMG_VMA_VVAR && b->vdso != REBUILD_VDSO_SAME)
			continue;
		if (v->start < URING_TOP)
			taken[n++] = (struct img_range){ v->start, v->end - v->start };
	}
	taken[n++] = (struct img_range){ b->plan.header->start, b->plan.header->size };
	for (size_t i = 0; b->vdso == REBUILD_VDSO_FOREIGN && i < b->own.n; i++)
		taken[n++] = (struct img_range){ b->vdso_keep + b->own.at[i].start -
							 layout_areas_start(&b->own),
						 b->own.at[i].end - b->own.at[i].start };
	qsort(taken, n, sizeof(*taken), uring_compare);
	return n;
}

static void uring_each_gap(struct rebuild *b, const struct img_range *taken, size_t n,
			   uring_gap *gap)
{
	uint64_t at = URING_LOWEST;

	for (size_t i = 0; i < n; i++) {
		if (at < taken[i].addr)
			gap(b, at, taken[i].addr);
		if (at < taken[i].addr + taken[i].len)
			at = taken[i].addr + taken[i].len;
	}
	if (at < URING_TOP)
		gap(b, at, URING_TOP);
}

/* Its place is kept by something else so far. A kernel before 6.4 can be told where it is to be. */
static void uring_map(struct rebuild *b, const struct img_vma *v, int fd)
{
	uint64_t len = v->end - v->start;

	uring_clear(b, v->start, v->end);
	plan_call(&b->plan, PLAN_OR_NEXT, __NR_mmap, v->start, len, v->prot,
		  MAP_SHARED | MAP_FIXED_NOREPLACE, PLAN_ARG(fd), v->offset);
	plan_expect(&b->plan, v->start, __NR_mmap,
		    (const uint64_t[6]){ 0, len, v->prot, MAP_SHARED | URING_ABOVE4G, PLAN_ARG(fd),
					 v->offset });
}

bool rebuild_has_urings(const struct model *m)
{
	for (size_t i = 0; i < m->vmas.n; i++)
		if (m->vmas.at[i].kind == IMG_VMA_URING)
			return true;
	return false;
}

void rebuild_urings(struct rebuild *b)
{
	OWNED_PTR struct img_range *taken = NULL;
	size_t n;

	if (!b->urings)
		return;
	taken = calloc(b->m->vmas.n + b->own.n + 1, sizeof(*taken));
	if (!taken) {
		b->plan.full = true;
		return;
	}
	n = uring_taken(b, taken);
	uring_each_gap(b, taken, n, uring_fill);
	for (size_t i = 0; i < b->m->vmas.n; i++)
		if (b->m->vmas.at[i].kind == IMG_VMA_URING)
			uring_map(b, &b->m->vmas.at[i], b->vma_fd[i]);
	uring_each_gap(b, taken, n, uring_clear);
}

static void uring_register(struct rebuild *b, const struct img_file *f, int fd)
{
	size_t n;
	const struct img_range *ranges = res_uring_buffers(b->m, f, &n);

	/* A struct iovec is the same: address and length. */
	if (n)
		plan_call(&b->plan, PLAN_MUST, __NR_io_uring_register, PLAN_ARG(fd),
			  IORING_REGISTER_BUFFERS, plan_data(&b->plan, ranges, n * sizeof(*ranges)),
			  n);
}

void rebuild_uring_buffers(struct rebuild *b)
{
	for (size_t i = 0; i < b->m->files.n; i++) {
		const struct img_file *f = &b->m->files.at[i];
		size_t n;

		for (size_t k = 0; res_uring_buffers(b->m, f, &n) && k < b->m->fds.n; k++)
			if (b->m->fds.at[k].file == f->id) {
				uring_register(b, f, b->m->fds.at[k].fd);
				break;
			}
	}
}

size_t rebuild_uring_data(const struct model *m)
{
	size_t size = 0, n;

	for (size_t i = 0; i < m->files.n; i++)
		if (res_uring_buffers(m, &m->files.at[i], &n))
			size += n * sizeof(struct img_range) + sizeof(uint64_t);
	return size;
}
