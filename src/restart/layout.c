/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/layout.h"

#include "base/owned.h"
#include "procfs/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LAYOUT_LOWEST = 1 << 24, /* above vm.mmap_min_addr and what non-PIE programs use first */
	LAYOUT_MARGIN = 1 << 21, /* larger than the guard gap below a stack */
	LAYOUT_READ = 1 << 16,
};

/* The end of what mmap hands out unless asked for more: 47 bits without the last page. */
#define LAYOUT_HIGHEST 0x7ffffffff000ull

static int layout_take(struct layout *l, uint64_t start, uint64_t end, struct err *err)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 256;
		struct img_range *more = realloc(l->taken, room * sizeof(*more));

		if (!more)
			return err_set(err, ENOMEM, "list of mappings");
		l->taken = more;
		l->room = room;
	}
	l->taken[l->n++] = (struct img_range){ start, end - start };
	return 0;
}

static void layout_add_area(struct layout_areas *areas, uint64_t start, uint64_t end, uint32_t kind)
{
	if (areas->n < LAYOUT_AREAS_MAX)
		areas->at[areas->n++] = (struct layout_area){ start, end, kind };
}

static int layout_read(char **text, size_t *len, struct err *err)
{
	OWNED_FD int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	OWNED_PTR char *buf = NULL;
	size_t room = 0;
	ssize_t n;

	*len = 0;
	if (fd < 0)
		return err_set(err, errno, "open /proc/self/maps");
	do {
		if (room - *len < LAYOUT_READ) {
			char *more = realloc(buf, room = room * 2 + LAYOUT_READ);

			if (!more)
				return err_set(err, ENOMEM, "read /proc/self/maps");
			buf = more;
		}
		n = read(fd, buf + *len, room - *len);
		if (n < 0)
			return err_set(err, errno, "read /proc/self/maps");
		*len += (size_t)n;
	} while (n > 0);
	*text = owned_ptr_take(&buf);
	return 0;
}

int layout_init(struct layout *l, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor c;
	struct maps_vma vma;
	size_t len;
	int rc;

	*l = (struct layout){ 0 };
	rc = layout_read(&text, &len, err);
	if (rc < 0)
		return rc;
	for (c = maps_over(text, len); rc >= 0 && maps_next(&c, &vma);) {
		if (maps_named(&vma, "[vdso]"))
			layout_add_area(&l->areas, vma.start, vma.end, IMG_VMA_VDSO);
		else if (maps_begins(&vma, "[vvar"))
			layout_add_area(&l->areas, vma.start, vma.end, IMG_VMA_VVAR);
		rc = layout_take(l, vma.start, vma.end, err);
	}
	return rc;
}

void layout_done(struct layout *l)
{
	free(l->taken);
	*l = (struct layout){ 0 };
}

int layout_reserve(struct layout *l, const struct model *m, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < m->vmas.n; i++)
		rc = layout_take(l, m->vmas.at[i].start, m->vmas.at[i].end, err);
	return rc;
}

static int layout_compare(const void *a, const void *b)
{
	const struct img_range *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

int layout_hole(struct layout *l, uint64_t size, uint64_t *start, struct err *err)
{
	uint64_t at = LAYOUT_LOWEST;

	qsort(l->taken, l->n, sizeof(*l->taken), layout_compare);
	for (size_t i = 0; i < l->n; i++) {
		uint64_t end = l->taken[i].addr + l->taken[i].len;

		if (l->taken[i].addr > at && l->taken[i].addr - at >= size + 2 * LAYOUT_MARGIN)
			break;
		if (end > at)
			at = end;
	}
	if (at >= LAYOUT_HIGHEST || LAYOUT_HIGHEST - at < size + 2 * LAYOUT_MARGIN)
		return err_say(err, ENOMEM, "no free addresses for the restorer (%llu bytes)",
			       (unsigned long long)size);
	*start = at + LAYOUT_MARGIN;
	return layout_take(l, *start, *start + size, err);
}

void layout_image_areas(struct layout_areas *areas, const struct model *m)
{
	areas->n = 0;
	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];

		if (v->kind == IMG_VMA_VDSO || v->kind == IMG_VMA_VVAR)
			layout_add_area(areas, v->start, v->end, v->kind);
	}
}

bool layout_same_areas(const struct layout_areas *a, const struct layout_areas *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->at[i].kind != b->at[i].kind ||
		    a->at[i].end - a->at[i].start != b->at[i].end - b->at[i].start ||
		    a->at[i].start - a->at[0].start != b->at[i].start - b->at[0].start)
			return false;
	return true;
}
