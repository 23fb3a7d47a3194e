/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one image file. Every byte is hostile until checked.
 *
 * The one rule: after image_reader_open has returned 0, every index, reference and range in the
 * model is inside its bounds (refs inside the pool, strings NUL-terminated, runs inside
 * their chunks, chunks of this file inside it, addresses page-aligned and ascending), so that
 * those who use it need no checks of their own. Messages name file, table and record.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

struct image_reader;

/* Opens the images beside it as well in which some of its chunks stand. */
int image_reader_open(struct image_reader **r, int dirfd, const char *name, struct err *err);
void image_reader_close(struct image_reader *r);

/*
 * To have fewer files open: of those in which chunks of @r stand it uses those of @others, which were opened
 * in the same directory and stay open for longer.
 */
void image_reader_share(struct image_reader *r, struct image_reader *const *others, size_t n);

/* The checked model; lives as long as the reader. */
const struct model *image_reader_model(const struct image_reader *r);

/* In the model the process has another parent from now on. */
void image_reader_set_parent(struct image_reader *r, int32_t ppid);

/* The header as it stands in the file. */
const struct img_header *image_reader_header(const struct image_reader *r);

uint64_t image_reader_size(const struct image_reader *r); /* of the file, bytes */

/* One thread's state: codec context and buffers. */
struct image_decoder;
int image_decoder_open(struct image_decoder **d, struct image_reader *r, struct err *err);
void image_decoder_close(struct image_decoder *d);

/*
 * Read, check and decompress chunk @index. *@raw points at raw_len bytes inside the decoder, good
 * until its next call. Damage is -EBADMSG with a message that names file and chunk.
 */
int image_decoder_chunk(struct image_decoder *d, size_t index, const void **raw, struct err *err);

/*
 * Check every chunk of this file with @workers threads (0: one per core), that those in other images are
 * chunks of theirs (whose bytes are checked with them), tables that this build does not know, and that
 * there is nothing but zeros between the parts. All else was checked by open.
 */
int image_reader_verify(struct image_reader *r, int workers, struct err *err);
