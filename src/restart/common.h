/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that processes have in common because one was forked from another: it is made once, by the agent,
 * before any of them is born, is inherited by all, and moved into place by each. What one of them writes is
 * its own from then on, as after any fork.
 *
 * The one rule: a process takes a page from a window only where its image names the very bytes that the
 * window's image has for that address. All else is filled as if there were no windows, and so may everything
 * be.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"

/* Places are alike below it, so that huge pages are moved whole. */
#define COMMON_HUGE (2ull << 20)

/* Private memory for the addresses [start, end) of those who take it. */
struct common_window {
	size_t image; /* whose pages it holds */
	uint32_t flags; /* IMG_VMA_*, as all mappings that are taken from it */
	bool huge; /* one of them has asked for huge pages */
	uint64_t start, end;
	const char *path; /* of the file that is mapped; NULL: anonymous */
	uint64_t delta; /* from an address to the place in the file */
	uint64_t at; /* where it is in the agent, and is inherited */
};

typedef MODEL_ARRAY(struct img_range) common_ranges;

struct common_process {
	uint32_t *window; /* of each mapping: the number of its window, plus 1; 0: none */
	common_ranges kept; /* what comes with windows as it is to be, by address */
	common_ranges dropped; /* what comes with windows, and was never written by this process */
};

struct common {
	struct image_reader *const *images;
	size_t n;
	struct common_process *processes; /* one per image */
	struct common_window *windows;
	size_t nwindows;
	common_ranges *marks; /* for each image: its pages that others take; in windows */
};

/* What @n images have in common. Windows are not made yet. */
int common_find(struct common *c, struct image_reader *const *images, size_t n, struct err *err);

/* Make the windows in this process and fill them: *@bytes. Where there is no room for them there are none. */
int common_make(struct common *c, int workers, uint64_t *bytes, struct err *err);

/* The runs of image @index that do not come with windows, for the caller to free. */
int common_runs_left(const struct common *c, size_t index, struct img_run **runs, size_t *n,
		     struct err *err);

/* Unmap and free. */
void common_done(struct common *c);
