/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that a process has in common with another one since the fork: they are kept once.
 *
 * The one rule: equal contents at the same address are what counts. That both are forks of one program is
 * only why it is worth looking.
 */
#pragma once

#include "ckpt/pages.h"
#include "image/writer.h"

#include <stdbool.h>
#include <stddef.h>

/* Of one program: nothing was executed between the forks that lead from one to the other. */
bool twin_related(const struct model *a, const struct model *b);

/*
 * Leave in @base, the index of @m's image, what may be compared with the memory of its snapshot: private
 * memory, which a fork copies and nobody changes after it.
 */
void twin_keep(struct image_base *base, const struct model *m);

/* What one thread looks with. */
struct twin_look {
	const struct image_base *base;
	const struct pages_list *pages; /* what was written of it */
	int mem; /* /proc/PID/mem of the base, or of its snapshot */
	char *other; /* IMG_CHUNK_MAX bytes */
};

/* Without @base there is nothing to be found. */
int twin_look_open(struct twin_look *l, const struct image_base *base,
		   const struct pages_list *pages, pid_t memory, struct err *err);
void twin_look_close(struct twin_look *l);

/*
 * Of @len bytes of pages at @addr, at most IMG_CHUNK_MAX, whose contents are in @bytes: mark in @same those
 * that the base holds, and add to @runs where. @runs has room for a run a page.
 */
void twin_find(const struct twin_look *l, uint64_t addr, size_t len, const char *bytes, bool *same,
	       struct img_run *runs, size_t *nruns);
