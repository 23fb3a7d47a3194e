/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one image file: chunks from any number of threads, then the tables and the trailer.
 *
 * The one rule: the file does not count until image_writer_finish has returned 0; a writer that is
 * closed before leaves a file that every reader refuses.
 */
#pragma once

#include "base/err.h"
#include "contract/image_format.h"
#include "image/model.h"

#include <sys/types.h>

struct image_writer;

/* An image of the same directory that has been written: pages may be said to stand there. */
struct image_base {
	pid_t pid;
	struct model index; /* its runs, by address, and its chunks; nothing else */
};

struct image_writer_options {
	const struct image_base *base; /* borrowed, NULL: none */
	enum img_codec codec;
	int level; /* of the codec; 0: its default here (zstd: 1) */
	bool direct; /* try O_DIRECT where the file system allows */
};

/* Create @name below @dirfd (O_EXCL, 0600). */
int image_writer_open(struct image_writer **w, int dirfd, const char *name,
		      const struct image_writer_options *options, struct err *err);

/* Give up or clean up; NULL is fine. Does not remove the file. */
void image_writer_close(struct image_writer *w);

/*
 * One worker's state: codec context and aligned buffers. Each thread that adds chunks has its own.
 */
struct image_worker;
int image_worker_open(struct image_worker **k, struct image_writer *w, struct err *err);
void image_worker_close(struct image_worker *k);

/*
 * IMG_CHUNK_MAX bytes, page-aligned, for the caller to fill with the pages of the next chunk. Another
 * buffer after each image_worker_put.
 */
void *image_worker_buffer(struct image_worker *k);

/*
 * Compress and write the first @raw_len bytes of the worker's buffer as one chunk that holds the
 * @nruns runs (addr, len and offset filled in; chunk is filled in here). Thread-safe across workers.
 */
int image_worker_put(struct image_worker *k, struct img_run *runs, size_t nruns, size_t raw_len,
		     struct err *err);

/*
 * The pages of the @nruns runs are those that the base holds: addr and len as for any run, chunk and offset
 * as the base has them. Thread-safe.
 */
int image_writer_refer(struct image_writer *w, const struct img_run *runs, size_t nruns,
		       struct err *err);

/*
 * Write the tables of @m (whose runs and chunks are ignored: the writer has its own, sorted by
 * address here), directory and trailer; fdatasync. @size gets the bytes of the file.
 */
int image_writer_finish(struct image_writer *w, const struct model *m, uint64_t *size,
			struct err *err);

/* After image_writer_finish: what it has of pages, for @index to own (model_done). */
void image_writer_take_index(struct image_writer *w, struct model *index);

/* Progress: bytes of pages taken in, bytes written. Any thread, any time. */
void image_writer_progress(const struct image_writer *w, uint64_t *raw, uint64_t *stored);
