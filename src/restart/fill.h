/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling the memory of stopped processes with the contents of their images, by several threads.
 *
 * The one rule: a chunk is checked before any of it is written, and the first error ends all work.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"

#include <sys/types.h>

struct fill_target {
	struct image_reader *image;
	pid_t pid;
	/* Of the image, what to fill; at other addresses, if so wanted. */
	struct img_run *runs;
	size_t nruns;
};

/* @workers: 0 for one per core. *@bytes: what was written. */
int fill_memory(const struct fill_target *targets, size_t n, int workers, uint64_t *bytes,
		struct err *err);
