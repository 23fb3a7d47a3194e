/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every byte of an image: what open has not read against its checksum, what lies between against
 * zero.
 */
#include "image/reader_inside.h"

#include "base/owned.h"
#include "host/threads.h"
#include "image/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct verify_part { /* bytes of the file that a checksum covers */
	uint64_t start, end;
};

struct verify {
	struct image_reader *r;
	_Atomic size_t next; /* chunk */
	pthread_mutex_t lock;
	struct err err; /* of the first that failed */
};

static void verify_fail(struct verify *v, const struct err *err)
{
	pthread_mutex_lock(&v->lock);
	if (!v->err.num)
		v->err = *err;
	pthread_mutex_unlock(&v->lock);
	v->next = SIZE_MAX / 2; /* the others need not go on */
}

static void *verify_worker(void *arg)
{
	struct verify *v = arg;
	struct image_decoder *d;
	struct err err = ERR_INIT;
	const void *raw;
	size_t i;
	int rc = image_decoder_open(&d, v->r, &err);

	while (rc >= 0 && (i = v->next++) < v->r->model.chunks.n)
		if (!v->r->model.chunks.at[i].source)
			rc = image_decoder_chunk(d, i, &raw, &err);
	image_decoder_close(d);
	if (rc < 0)
		verify_fail(v, &err);
	return NULL;
}

static int verify_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct verify_part *)a)->start;
	uint64_t y = ((const struct verify_part *)b)->start;

	return (x > y) - (x < y);
}

static int verify_gap(const struct image_reader *r, uint64_t start, uint64_t end, struct err *err)
{
	uint8_t bytes[IMG_CHUNK_ALIGN / 2];

	if (start > end)
		return reader_damaged(r, "its parts overlap", err);
	if (end - start >= IMG_CHUNK_ALIGN)
		return reader_damaged(r, "there is something between its parts", err);
	while (start < end) {
		size_t n = end - start < sizeof(bytes) ? end - start : sizeof(bytes);
		int rc = reader_bytes(r, bytes, n, start, err);

		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (bytes[i])
				return reader_damaged(r, "there is something between its parts",
						      err);
		start += n;
	}
	return 0;
}

/* Between header, chunks, tables, directory and trailer there are only zeros, and few of them. */
static int verify_gaps(const struct image_reader *r, struct err *err)
{
	size_t n = 0, most = r->model.chunks.n + r->trailer.dir_count + 2;
	OWNED_PTR struct verify_part *parts = calloc(most, sizeof(*parts));
	uint64_t at = r->header.header_size;
	int rc = 0;

	if (!parts)
		return err_set(err, ENOMEM, "verify image '%s'", r->name);
	for (size_t i = 0; i < r->model.chunks.n; i++) {
		const struct img_chunk *c = &r->model.chunks.at[i];

		if (c->source)
			continue;
		parts[n++] = (struct verify_part){ c->offset, c->offset + c->stored_len };
	}
	for (size_t i = 0; i < r->trailer.dir_count; i++) {
		const struct img_dirent *d = &r->directory[i];

		parts[n++] =
			(struct verify_part){ d->offset, d->offset + d->count * d->record_size };
	}
	parts[n++] =
		(struct verify_part){ r->trailer.dir_offset,
				      r->trailer.dir_offset +
					      r->trailer.dir_count * sizeof(struct img_dirent) };
	parts[n++] = (struct verify_part){ r->size - sizeof(struct img_trailer), r->size };
	qsort(parts, n, sizeof(*parts), verify_compare);
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		rc = verify_gap(r, at, parts[i].start, err);
		at = parts[i].end;
	}
	return rc;
}

/* Tables that this build does not know: open has skipped them. */
static int verify_unknown(const struct image_reader *r, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->trailer.dir_count; i++) {
		const struct img_dirent *d = &r->directory[i];
		OWNED_PTR void *bytes = NULL;

		if (tables_find(d->table))
			continue;
		bytes = malloc(d->count * d->record_size);
		rc = bytes ? reader_records(r, d, bytes, err)
			   : err_set(err, ENOMEM, "table %u of image '%s'", d->table, r->name);
	}
	return rc;
}

static int verify_compare_chunks(const void *a, const void *b)
{
	const struct img_chunk *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Does each chunk of @r that is said to stand in @s stand there? Its bytes are verified with that image. */
static int verify_source(const struct image_reader *r, const struct reader_source *s,
			 struct err *err)
{
	int rc, fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	struct image_reader *other;
	struct img_chunk *sorted;
	size_t n, i;

	if (fd < 0)
		return err_set(err, errno, "open image '%s'", s->name);
	rc = reader_open(&other, fd, s->name, err);
	if (rc < 0)
		return rc;
	sorted = other->model.chunks.at; /* nobody else looks at it */
	n = other->model.chunks.n;
	if (n)
		qsort(sorted, n, sizeof(*sorted), verify_compare_chunks);
	for (i = 0; rc >= 0 && i < r->model.chunks.n; i++) {
		struct img_chunk want = r->model.chunks.at[i];
		const struct img_chunk *got;

		if (want.source != s->pid)
			continue;
		want.source = 0;
		got = n ? bsearch(&want, sorted, n, sizeof(*sorted), verify_compare_chunks) : NULL;
		if (!got || memcmp(got, &want, sizeof(want)) != 0)
			rc = err_say(err, EBADMSG,
				     "image '%s' is damaged: chunk %zu is not in image '%s'",
				     r->name, i, s->name);
	}
	image_reader_close(other);
	return rc;
}

static int verify_sources(const struct image_reader *r, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->nsources; i++)
		rc = verify_source(r, &r->sources[i], err);
	return rc;
}

int image_reader_verify(struct image_reader *r, int workers, struct err *err)
{
	struct verify v = { .r = r, .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc;

	threads_run(verify_worker, &v, threads_wanted(workers));
	if (v.err.num) {
		*err = v.err;
		return -err->num;
	}
	rc = verify_sources(r, err);
	if (rc >= 0)
		rc = verify_unknown(r, err);
	return rc < 0 ? rc : verify_gaps(r, err);
}
