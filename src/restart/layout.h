/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: what this process has mapped, what the program will have, and where there is room for
 * something that must be in nobody's way.
 *
 * The one rule: a hole found here is free now and in the image, with a margin on both sides, so that it can
 * be there while one takes the place of the other.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

#include <stddef.h>
#include <stdint.h>

/* An area of the kernel's own beside the program: vdso, or data that belongs to it. */
struct layout_area {
	uint64_t start, end;
	uint32_t kind; /* IMG_VMA_VDSO or IMG_VMA_VVAR */
};

enum { LAYOUT_AREAS_MAX = 16 };

struct layout_areas { /* by address */
	struct layout_area at[LAYOUT_AREAS_MAX];
	size_t n;
};

struct layout {
	struct img_range *taken; /* by address; both layouts */
	size_t n, room;
	struct layout_areas areas; /* this process's own vdso and data */
};

/* Read /proc/self/maps. Undone by layout_done, which is safe on a zeroed one. */
int layout_init(struct layout *l, struct err *err);
void layout_done(struct layout *l);

/* Take what @m will map out of the free addresses as well. */
int layout_reserve(struct layout *l, const struct model *m, struct err *err);

/* A free place of @size bytes (page-aligned), taken from now on. -ENOMEM if there is none. */
int layout_hole(struct layout *l, uint64_t size, uint64_t *start, struct err *err);

/* The kernel's areas that a process image had. */
void layout_image_areas(struct layout_areas *areas, const struct model *m);

/* Same kinds, sizes and distances: one can be moved to where the other was. */
bool layout_same_areas(const struct layout_areas *a, const struct layout_areas *b);

static inline uint64_t layout_areas_start(const struct layout_areas *a)
{
	return a->n ? a->at[0].start : 0;
}

static inline uint64_t layout_areas_size(const struct layout_areas *a)
{
	return a->n ? a->at[a->n - 1].end - a->at[0].start : 0;
}
