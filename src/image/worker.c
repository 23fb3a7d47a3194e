/* SPDX-License-Identifier: Apache-2.0 */
#include "image/writer.h"

#include "image/checksum.h"
#include "image/writer_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct image_worker {
	struct image_writer *w;
	struct output_buffer *in; /* the caller fills it */
	struct output_buffer *packed; /* compressed bytes, NULL without a codec */
	ZSTD_CCtx *zstd;
};

int image_worker_open(struct image_worker **result, struct image_writer *w, struct err *err)
{
	struct image_worker *k = calloc(1, sizeof(*k));
	bool codec = w->options.codec != IMG_CODEC_NONE;

	*result = NULL;
	if (!k)
		return err_set(err, ENOMEM, "write '%s'", w->name);
	k->w = w;
	output_allow(w->out, 2 + codec);
	k->in = output_take(w->out, err);
	if (k->in && codec)
		k->packed = output_take(w->out, err);
	if (!k->in || (codec && !k->packed)) {
		image_worker_close(k);
		return -err->num;
	}
	if (codec) {
		k->zstd = ZSTD_createCCtx();
		if (!k->zstd) {
			image_worker_close(k);
			return err_set(err, ENOMEM, "write '%s'", w->name);
		}
		ZSTD_CCtx_setParameter(k->zstd, ZSTD_c_compressionLevel, w->options.level);
	}
	*result = k;
	return 0;
}

void image_worker_close(struct image_worker *k)
{
	if (!k)
		return;
	output_give(k->w->out, k->in);
	output_give(k->w->out, k->packed);
	ZSTD_freeCCtx(k->zstd);
	free(k);
}

void *image_worker_buffer(struct image_worker *k)
{
	return k->in ? k->in->bytes : NULL;
}

/*
 * Random, encrypted or already compressed pages would cost as much to compress as text and gain
 * nothing. One pass over a page out of every 32 tells (30 us a chunk; trying the whole chunk takes
 * 400).
 */
static bool worker_is_dense(struct image_worker *k, size_t raw_len)
{
	enum { PIECE = 4096, STEP = 32 * PIECE, SAMPLE = 8 * PIECE };
	uint8_t *sample = k->packed->bytes, *packed = sample + SAMPLE;
	size_t n = 0, got;

	if (raw_len < STEP)
		return false;
	for (size_t at = 0; at + PIECE <= raw_len && n < SAMPLE; at += STEP, n += PIECE)
		memcpy(sample + n, k->in->bytes + at, PIECE);
	got = ZSTD_compress2(k->zstd, packed, n - n / 32, sample, n);
	return ZSTD_isError(got);
}

/* Compress @in into @packed if that saves at least a page; the bytes to be stored, else 0. */
static size_t worker_pack(struct image_worker *k, size_t raw_len)
{
	size_t got;

	if (!k->zstd || raw_len <= IMG_CHUNK_ALIGN || worker_is_dense(k, raw_len))
		return 0;
	got = ZSTD_compress2(k->zstd, k->packed->bytes, raw_len - IMG_CHUNK_ALIGN, k->in->bytes,
			     raw_len);
	return ZSTD_isError(got) ? 0 : got;
}

static int worker_check(const struct image_worker *k, const struct img_run *runs, size_t nruns,
			size_t raw_len, struct err *err)
{
	if (!k->in || (k->zstd && !k->packed))
		return err_say(err, EIO, "write '%s': an earlier write failed", k->w->name);
	if (!raw_len || raw_len > IMG_CHUNK_MAX || raw_len % k->w->page_size || !nruns)
		return err_set(err, EINVAL, "chunk of %zu bytes for '%s'", raw_len, k->w->name);
	for (size_t i = 0; i < nruns; i++)
		if (!runs[i].len || runs[i].offset > raw_len ||
		    runs[i].len > raw_len - runs[i].offset)
			return err_set(err, EINVAL, "run %zu of a chunk for '%s'", i, k->w->name);
	return 0;
}

int image_worker_put(struct image_worker *k, struct img_run *runs, size_t nruns, size_t raw_len,
		     struct err *err)
{
	struct img_chunk chunk = { .raw_len = (uint32_t)raw_len };
	struct output_buffer **from = &k->packed, *full;
	int rc = worker_check(k, runs, nruns, raw_len, err);
	size_t len;

	if (rc < 0)
		return rc;
	len = worker_pack(k, raw_len);
	chunk.codec = IMG_CODEC_ZSTD;
	if (!len) {
		len = raw_len;
		from = &k->in;
		chunk.codec = IMG_CODEC_NONE;
	}
	full = *from; /* worker_check: never NULL */
	memset(full->bytes + len, 0, -len & (OUTPUT_ALIGN - 1));
	chunk.stored_len = (uint32_t)len;
	chunk.xxh3 = checksum(full->bytes, len);
	rc = writer_place(k->w, &chunk, runs, nruns, err);
	if (rc < 0)
		return rc;
	*from = NULL;
	output_write(k->w->out, full, chunk.offset, len);
	__atomic_fetch_add(&k->w->raw, raw_len, __ATOMIC_RELAXED);
	__atomic_fetch_add(&k->w->stored, len, __ATOMIC_RELAXED);
	*from = output_take(k->w->out, err);
	return *from ? 0 : -err->num;
}
