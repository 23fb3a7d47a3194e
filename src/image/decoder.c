/* SPDX-License-Identifier: Apache-2.0 */
#include "image/checksum.h"
#include "image/reader_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

struct image_decoder {
	struct image_reader *r;
	ZSTD_DCtx *zstd;
	void *stored, *raw; /* as large as the largest chunk wants */
};

static void *decoder_buffer(size_t len)
{
	return aligned_alloc(IMG_CHUNK_ALIGN, (len / IMG_CHUNK_ALIGN + 1) * IMG_CHUNK_ALIGN);
}

static void decoder_allocate(struct image_decoder *d)
{
	const struct model *m = &d->r->model;
	size_t stored = 0, raw = 0;

	for (size_t i = 0; i < m->chunks.n; i++) {
		const struct img_chunk *c = &m->chunks.at[i];

		stored = c->stored_len > stored ? c->stored_len : stored;
		raw = c->raw_len > raw ? c->raw_len : raw;
	}
	d->stored = decoder_buffer(stored);
	d->raw = decoder_buffer(raw);
}

int image_decoder_open(struct image_decoder **out, struct image_reader *r, struct err *err)
{
	struct image_decoder *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (d) {
		d->r = r;
		d->zstd = ZSTD_createDCtx();
		decoder_allocate(d);
	}
	if (!d || !d->zstd || !d->stored || !d->raw) {
		image_decoder_close(d);
		return err_set(err, ENOMEM, "read image '%s'", r->name);
	}
	*out = d;
	return 0;
}

void image_decoder_close(struct image_decoder *d)
{
	if (!d)
		return;
	ZSTD_freeDCtx(d->zstd);
	free(d->stored);
	free(d->raw);
	free(d);
}

static int decoder_damaged(const struct image_decoder *d, size_t index, const char *what,
			   struct err *err)
{
	const struct reader_source *s = reader_source(d->r, &d->r->model.chunks.at[index]);

	if (s)
		return err_say(err, EBADMSG,
			       "image '%s' is damaged: %s of what is chunk %zu of image '%s'",
			       s->name, what, index, d->r->name);
	return err_say(err, EBADMSG, "image '%s' is damaged: chunk %zu: %s", d->r->name, index,
		       what);
}

int image_decoder_chunk(struct image_decoder *d, size_t index, const void **raw, struct err *err)
{
	const struct img_chunk *c = &d->r->model.chunks.at[index];
	size_t got;
	int rc = reader_chunk(d->r, c, d->stored, err);

	if (rc < 0)
		return rc;
	if (!checksum_matches(d->stored, c->stored_len, c->xxh3))
		return decoder_damaged(d, index, "checksum", err);
	if (c->codec == IMG_CODEC_NONE) {
		*raw = d->stored;
		return 0;
	}
	got = ZSTD_decompressDCtx(d->zstd, d->raw, c->raw_len, d->stored, c->stored_len);
	if (ZSTD_isError(got))
		return decoder_damaged(d, index, ZSTD_getErrorName(got), err);
	if (got != c->raw_len)
		return decoder_damaged(d, index, "it unpacks to another size", err);
	*raw = d->raw;
	return 0;
}
