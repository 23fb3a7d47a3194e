/* SPDX-License-Identifier: Apache-2.0 */
#include "image/writer.h"

#include "base/text.h"
#include "image/check.h"
#include "image/checksum.h"
#include "image/tables.h"
#include "image/writer_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int image_writer_open(struct image_writer **result, int dirfd, const char *name,
		      const struct image_writer_options *options, struct err *err)
{
	struct image_writer *w;
	int rc;

	*result = NULL;
	if (options->codec != IMG_CODEC_NONE && options->codec != IMG_CODEC_ZSTD)
		return err_say(err, EOPNOTSUPP, "images cannot be written with codec %d",
			       (int)options->codec);
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(err, ENOMEM, "create '%s'", name);
	w->options = *options;
	if (!w->options.level)
		w->options.level = 1;
	w->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	w->end = IMG_CHUNK_ALIGN; /* the header's page */
	text_copy(w->name, sizeof(w->name), name);
	model_init(&w->index);
	pthread_mutex_init(&w->lock, NULL);
	if (options->base) {
		w->referred = calloc(options->base->index.chunks.n + 1, sizeof(*w->referred));
		if (!w->referred) {
			image_writer_close(w);
			return err_set(err, ENOMEM, "create '%s'", name);
		}
	}
	rc = output_open(&w->out, dirfd, name, options->direct, err);
	if (rc < 0) {
		image_writer_close(w);
		return rc;
	}
	*result = w;
	return 0;
}

void image_writer_close(struct image_writer *w)
{
	if (!w)
		return;
	output_close(w->out);
	model_done(&w->index);
	free(w->referred);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int writer_note(struct image_writer *w, struct img_chunk *chunk, struct img_run *runs,
		       size_t nruns)
{
	size_t before = w->index.runs.n;
	struct img_chunk *c = model_add(&w->index.chunks);

	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < nruns; i++) {
		struct img_run *r = model_add(&w->index.runs);

		if (!r) {
			w->index.runs.n = before;
			w->index.chunks.n--;
			return -ENOMEM;
		}
		runs[i].chunk = (uint32_t)(w->index.chunks.n - 1);
		*r = runs[i];
	}
	chunk->offset = w->end;
	w->end += (chunk->stored_len + IMG_CHUNK_ALIGN - 1) & ~(IMG_CHUNK_ALIGN - 1U);
	*c = *chunk;
	return 0;
}

int writer_place(struct image_writer *w, struct img_chunk *chunk, struct img_run *runs,
		 size_t nruns, struct err *err)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	rc = writer_note(w, chunk, runs, nruns);
	pthread_mutex_unlock(&w->lock);
	return rc < 0 ? err_set(err, rc, "index of '%s'", w->name) : 0;
}

/* The number here of chunk @number of the base. A chunk that stands in a third image does for us as well. */
static int writer_refer_chunk(struct image_writer *w, uint32_t number, uint32_t *ours)
{
	const struct image_base *base = w->options.base;
	struct img_chunk *c;

	if (!w->referred[number]) {
		c = model_add(&w->index.chunks);
		if (!c)
			return -ENOMEM;
		*c = base->index.chunks.at[number];
		if (!c->source)
			c->source = (uint32_t)base->pid;
		w->referred[number] = (uint32_t)w->index.chunks.n;
	}
	*ours = w->referred[number] - 1;
	return 0;
}

int image_writer_refer(struct image_writer *w, const struct img_run *runs, size_t nruns,
		       struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; rc >= 0 && i < nruns; i++) {
		struct img_run *r = model_add(&w->index.runs);

		if (!r) {
			rc = -ENOMEM;
			break;
		}
		*r = runs[i];
		rc = writer_refer_chunk(w, runs[i].chunk, &r->chunk);
	}
	pthread_mutex_unlock(&w->lock);
	return rc < 0 ? err_set(err, rc, "index of '%s'", w->name) : 0;
}

void image_writer_take_index(struct image_writer *w, struct model *index)
{
	*index = w->index;
	model_init(&w->index);
}

static int writer_compare_runs(const void *a, const void *b)
{
	uint64_t x = ((const struct img_run *)a)->addr, y = ((const struct img_run *)b)->addr;

	return (x > y) - (x < y);
}

/* By address, and what goes on without a break in memory and chunk made one. */
static void writer_sort_runs(struct model *index)
{
	struct img_run *at = index->runs.at;
	size_t n = 0;

	if (!index->runs.n)
		return;
	qsort(at, index->runs.n, sizeof(*at), writer_compare_runs);
	for (size_t i = 1; i < index->runs.n; i++) {
		if (at[i].chunk == at[n].chunk && at[i].addr == at[n].addr + at[n].len &&
		    at[i].offset == at[n].offset + at[n].len)
			at[n].len += at[i].len;
		else
			at[++n] = at[i];
	}
	index->runs.n = n + 1;
}

/* Where the next part begins, after @bytes at w->end. Parts stand at multiples of 8. */
static int writer_append(struct image_writer *w, const void *bytes, size_t len, uint64_t *offset,
			 struct err *err)
{
	static const uint8_t zeros[8];
	size_t gap = -len & 7;
	int rc = output_plain(w->out, bytes, len, w->end, err);

	if (rc >= 0 && gap)
		rc = output_plain(w->out, zeros, gap, w->end + len, err);
	*offset = w->end;
	w->end += len + gap;
	return rc;
}

static int writer_put_tables(struct image_writer *w, const struct model *m,
			     struct img_dirent *directory, uint32_t *count, struct err *err)
{
	*count = 0;
	for (size_t i = 0; i < TABLES_MAX; i++) {
		const struct tables_kind *kind = &tables_kinds[i];
		struct img_dirent *d = &directory[*count];
		const void *records;
		size_t n, len;
		int rc;

		records = tables_records(kind, m, &n);
		if (!n)
			continue;
		len = n * kind->record_size;
		*d = (struct img_dirent){ .table = kind->table,
					  .record_size = kind->record_size,
					  .count = n,
					  .xxh3 = checksum(records, len) };
		rc = writer_append(w, records, len, &d->offset, err);
		if (rc < 0)
			return rc;
		++*count;
	}
	return 0;
}

static int writer_put_header(struct image_writer *w, uint64_t *xxh3, struct err *err)
{
	struct img_header header = { .version = IMG_VERSION,
				     .arch = IMG_ARCH_X86_64,
				     .page_size = w->page_size,
				     .header_size = sizeof(header) };

	memcpy(header.magic, IMG_MAGIC, sizeof(header.magic));
	*xxh3 = checksum(&header, sizeof(header));
	return output_plain(w->out, &header, sizeof(header), 0, err);
}

static int writer_put_end(struct image_writer *w, const struct model *m, struct err *err)
{
	struct img_dirent directory[TABLES_MAX];
	struct img_trailer trailer = { 0 };
	size_t len;
	int rc;

	rc = writer_put_tables(w, m, directory, &trailer.dir_count, err);
	if (rc < 0)
		return rc;
	len = trailer.dir_count * sizeof(directory[0]);
	rc = writer_append(w, directory, len, &trailer.dir_offset, err);
	if (rc < 0)
		return rc;
	rc = writer_put_header(w, &trailer.header_xxh3, err);
	if (rc < 0)
		return rc;
	trailer.dir_xxh3 = checksum(directory, len);
	trailer.file_size = w->end + sizeof(trailer);
	trailer.self_xxh3 = checksum(&trailer, offsetof(struct img_trailer, self_xxh3));
	memcpy(trailer.magic, IMG_TRAILER_MAGIC, sizeof(trailer.magic));
	return writer_append(w, &trailer, sizeof(trailer), &trailer.dir_offset, err);
}

int image_writer_finish(struct image_writer *w, const struct model *m, uint64_t *size,
			struct err *err)
{
	struct model whole = *m; /* borrows the arrays of both */
	int rc;

	writer_sort_runs(&w->index);
	memcpy(&whole.runs, &w->index.runs, sizeof(whole.runs));
	memcpy(&whole.chunks, &w->index.chunks, sizeof(whole.chunks));
	rc = check_model(&whole, w->page_size, err);
	if (rc < 0)
		return err_add(err, "image '%s' would not be readable", w->name);
	rc = output_drain(w->out, err);
	if (rc >= 0)
		rc = writer_put_end(w, &whole, err);
	if (rc >= 0)
		rc = output_finish(w->out, w->end, err);
	*size = w->end;
	return rc;
}

void image_writer_progress(const struct image_writer *w, uint64_t *raw, uint64_t *stored)
{
	*raw = __atomic_load_n(&w->raw, __ATOMIC_RELAXED);
	*stored = __atomic_load_n(&w->stored, __ATOMIC_RELAXED);
}
