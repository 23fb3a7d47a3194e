/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that an image is written to: buffers filled by any thread, written by threads of its
 * own.
 *
 * Compressing and writing overlap this way without io_uring, which containers often refuse; a
 * thread in a write costs no CPU. The one rule: the first failure stays: every later call returns
 * it.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_ALIGN = 4096 };

struct output;

struct output_buffer {
	uint8_t *bytes; /* IMG_CHUNK_MAX, aligned for O_DIRECT */
	struct output_buffer *next; /* the room's own, as is the rest */
	uint64_t offset;
	size_t len;
};

/*
 * Create @name below @dirfd (O_EXCL, 0600). With @direct, try O_DIRECT; without a word, do
 * without.
 */
int output_open(struct output **out, int dirfd, const char *name, bool direct, struct err *err);
void output_close(struct output *out); /* waits for writes under way; NULL is fine */

/*
 * A buffer to fill, NULL after a failure. Waits while too many are being written. Each is given
 * back by output_write or output_give.
 */
struct output_buffer *output_take(struct output *out, struct err *err);
void output_give(struct output *out, struct output_buffer *buffer);

/* How many buffers may be held outside at a time: workers add theirs before they take. */
void output_allow(struct output *out, size_t buffers);

/*
 * Write the first @len bytes at @offset (a multiple of OUTPUT_ALIGN), soon. The buffer must be
 * zero from @len to the next multiple of OUTPUT_ALIGN. A failure shows in a later call.
 */
void output_write(struct output *out, struct output_buffer *buffer, uint64_t offset, size_t len);

/* Wait until all that was handed to output_write stands in the file, and leave O_DIRECT behind. */
int output_drain(struct output *out, struct err *err);

/* After output_drain: plain writes at any offset; end the file at @size and sync it. */
int output_plain(struct output *out, const void *bytes, size_t len, uint64_t offset,
		 struct err *err);
int output_finish(struct output *out, uint64_t size, struct err *err);
