/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What writer.c and worker.c share of a writer: the index of what has been written.
 *
 * The one rule: place in file, number of chunk and runs are fixed together, under the lock, so
 * that chunks ascend in the file and leave no holes.
 */
#pragma once

#include "image/output.h"
#include "image/writer.h"

#include <pthread.h>

struct image_writer {
	struct output *out;
	struct image_writer_options options;
	uint32_t page_size;
	char name[256];
	pthread_mutex_t lock; /* for index and end */
	struct model index; /* its runs and chunks only */
	uint32_t *
		referred; /* for each chunk of the base its number in index, plus 1; 0: it has none */
	uint64_t end; /* of the chunks so far, in the file */
	uint64_t raw, stored; /* progress; atomic */
};

/* Note a chunk and the runs in it; *offset gets its place in the file. */
int writer_place(struct image_writer *w, struct img_chunk *chunk, struct img_run *runs,
		 size_t nruns, struct err *err);
