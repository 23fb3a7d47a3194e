/* SPDX-License-Identifier: Apache-2.0 */
#include "image/reader_inside.h"

#include "base/owned.h"
#include "image/check.h"
#include "image/checksum.h"
#include "image/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: a FIFO given as an image is refused, not waited for. */
enum { READER_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

int reader_damaged(const struct image_reader *r, const char *what, struct err *err)
{
	return err_say(err, EBADMSG, "image '%s' is damaged: %s", r->name, what);
}

static int reader_read(int fd, const char *name, void *buf, size_t len, uint64_t offset,
		       struct err *err)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t n = pread(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read image '%s'", name);
		if (!n)
			return err_say(err, EBADMSG,
				       "image '%s' is damaged: it became shorter while it was read",
				       name);
		at += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int reader_bytes(const struct image_reader *r, void *buf, size_t len, uint64_t offset,
		 struct err *err)
{
	return reader_read(r->fd, r->name, buf, len, offset, err);
}

const struct reader_source *reader_source(const struct image_reader *r, const struct img_chunk *c)
{
	size_t i = 0;

	while (i < r->nsources && r->sources[i].pid != c->source)
		i++;
	return i < r->nsources ? &r->sources[i] : NULL;
}

int reader_chunk(const struct image_reader *r, const struct img_chunk *c, void *buf,
		 struct err *err)
{
	const struct reader_source *s = reader_source(r, c);

	return reader_read(s ? s->fd : r->fd, s ? s->name : r->name, buf, c->stored_len, c->offset,
			   err);
}

/* Is [offset, offset + len) between the header and @end? */
static bool reader_inside(const struct image_reader *r, uint64_t offset, uint64_t len, uint64_t end)
{
	return offset >= r->header.header_size && offset <= end && len <= end - offset;
}

static int reader_header(struct image_reader *r, struct err *err)
{
	struct img_header *h = &r->header;
	uint32_t page;
	int rc;

	if (r->size < sizeof(*h) + sizeof(struct img_trailer))
		return err_say(err, EBADMSG,
			       "'%s' is no image, or a truncated one: it has only %llu bytes",
			       r->name, (unsigned long long)r->size);
	rc = reader_bytes(r, h, sizeof(*h), 0, err);
	if (rc < 0)
		return rc;
	if (memcmp(h->magic, IMG_MAGIC, sizeof(h->magic)) != 0)
		return err_say(err, EBADMSG,
			       "'%s' is no image, or one whose writing did not come to its end",
			       r->name);
	if (h->version > IMG_VERSION)
		return err_say(err, EPROTO,
			       "image '%s' was written by a newer Cairn: image version %u, this "
			       "one reads %d",
			       r->name, h->version, IMG_VERSION);
	if (h->version != IMG_VERSION)
		return reader_damaged(r, "it has no version", err);
	if (h->arch != IMG_ARCH_X86_64)
		return err_say(err, EPROTO,
			       "image '%s' is of another kind of machine: ELF number %u, here %d",
			       r->name, h->arch, IMG_ARCH_X86_64);
	page = h->page_size;
	if (page < 4096 || page > IMG_CHUNK_MAX || page & (page - 1))
		return reader_damaged(r, "impossible page size", err);
	if (h->header_size < sizeof(*h) || h->header_size > IMG_CHUNK_ALIGN || h->header_size % 8 ||
	    h->header_size > r->size - sizeof(struct img_trailer))
		return reader_damaged(r, "impossible size of the header", err);
	return 0;
}

/* The whole header, which a newer Cairn may have made longer than what we know of it. */
static int reader_header_sum(const struct image_reader *r, struct err *err)
{
	const size_t len = r->header.header_size;
	OWNED_PTR uint8_t *header = malloc(len);
	int rc;

	if (!header)
		return err_set(err, ENOMEM, "header of image '%s'", r->name);
	rc = reader_bytes(r, header, len, 0, err);
	if (rc >= 0 && !checksum_matches(header, len, r->trailer.header_xxh3))
		return reader_damaged(r, "checksum of the header", err);
	return rc;
}

static int reader_trailer(struct image_reader *r, struct err *err)
{
	const uint64_t at = r->size - sizeof(struct img_trailer);
	struct img_trailer *t = &r->trailer;
	int rc = reader_bytes(r, t, sizeof(*t), at, err);

	if (rc < 0)
		return rc;
	if (memcmp(t->magic, IMG_TRAILER_MAGIC, sizeof(t->magic)) != 0 || t->pad)
		return reader_damaged(r, "it is truncated, or its end was overwritten", err);
	if (!checksum_matches(t, offsetof(struct img_trailer, self_xxh3), t->self_xxh3))
		return reader_damaged(r, "checksum of the trailer", err);
	if (t->file_size != r->size)
		return reader_damaged(r, "it is longer or shorter than when it was written", err);
	if (!t->dir_count || t->dir_count > IMG_TABLE_MAX || t->dir_offset % 8 ||
	    !reader_inside(r, t->dir_offset, t->dir_count * sizeof(struct img_dirent), at))
		return reader_damaged(r, "the directory lies outside the file", err);
	return reader_header_sum(r, err);
}

int reader_records(const struct image_reader *r, const struct img_dirent *d, void *to,
		   struct err *err)
{
	const struct tables_kind *kind = tables_find(d->table);
	const size_t len = d->count * d->record_size;
	int rc = reader_bytes(r, to, len, d->offset, err);

	if (rc < 0 || checksum_matches(to, len, d->xxh3))
		return rc;
	return err_say(err, EBADMSG, "image '%s' is damaged: checksum of table %u (%s)", r->name,
		       d->table, kind ? kind->name : "not known here");
}

/* Records of @d into @to, each cut or filled with zeros to the size that this build knows. */
static int reader_fit(const struct image_reader *r, const struct tables_kind *kind,
		      const struct img_dirent *d, uint8_t *to, struct err *err)
{
	const size_t copy = d->record_size < kind->record_size ? d->record_size : kind->record_size;
	OWNED_PTR uint8_t *raw = NULL;
	int rc;

	if (d->record_size == kind->record_size)
		return reader_records(r, d, to, err);
	raw = malloc(d->count * d->record_size);
	if (!raw)
		return err_set(err, ENOMEM, "table '%s' of image '%s'", kind->name, r->name);
	rc = reader_records(r, d, raw, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < d->count; i++) {
		memcpy(to + i * kind->record_size, raw + i * d->record_size, copy);
		memset(to + i * kind->record_size + copy, 0, kind->record_size - copy);
	}
	return 0;
}

static int reader_table(struct image_reader *r, const struct tables_kind *kind,
			const struct img_dirent *d, struct err *err)
{
	char *member = (char *)&r->model + kind->member;
	struct tables_array *array = (void *)member;

	if (d->record_size < kind->least_size || (kind->table == IMG_T_DATA && d->record_size != 1))
		return err_say(err, EBADMSG,
			       "image '%s' is damaged: records of table '%s' have %u bytes",
			       r->name, kind->name, d->record_size);
	if (kind->single) {
		if (d->count != 1)
			return err_say(
				err, EBADMSG,
				"image '%s' is damaged: table '%s' has %llu records, not one",
				r->name, kind->name, (unsigned long long)d->count);
		return reader_fit(r, kind, d, (uint8_t *)member, err);
	}
	array->at = calloc(d->count, kind->record_size);
	if (!array->at)
		return err_set(err, ENOMEM, "table '%s' of image '%s'", kind->name, r->name);
	array->n = array->room = d->count;
	return reader_fit(r, kind, d, array->at, err);
}

static int reader_bad_table(const struct image_reader *r, uint32_t table, const char *what,
			    struct err *err)
{
	const struct tables_kind *kind = tables_find(table);

	return err_say(err, EBADMSG, "image '%s' is damaged: table %u (%s) %s", r->name, table,
		       kind ? kind->name : "not known here", what);
}

/* By the file's own size first: a count from the file is never trusted with an allocation. */
static bool reader_dirent_fits(const struct image_reader *r, const struct img_dirent *d)
{
	const uint64_t end = r->trailer.dir_offset;

	return d->count && d->record_size && !(d->offset % 8) && d->count <= end / d->record_size &&
	       reader_inside(r, d->offset, d->count * d->record_size, end);
}

static int reader_dirent(struct image_reader *r, size_t index, struct err *err)
{
	const struct img_dirent *d = &r->directory[index];
	const struct tables_kind *kind = tables_find(d->table);

	if (!reader_dirent_fits(r, d))
		return reader_bad_table(r, d->table, "lies outside the file", err);
	for (size_t i = 0; i < index; i++)
		if (r->directory[i].table == d->table)
			return reader_bad_table(r, d->table, "stands twice", err);
	if (kind)
		return reader_table(r, kind, d, err);
	if (d->table >= IMG_T_OPTIONAL)
		return 0;
	return err_say(
		err, EPROTO,
		"image '%s' needs table number %u, which this Cairn does not know; a newer one "
		"wrote it",
		r->name, d->table);
}

static bool reader_has(const struct image_reader *r, uint32_t table)
{
	for (size_t i = 0; i < r->trailer.dir_count; i++)
		if (r->directory[i].table == table)
			return true;
	return false;
}

static int reader_directory(struct image_reader *r, struct err *err)
{
	const size_t len = r->trailer.dir_count * sizeof(struct img_dirent);
	int rc = reader_bytes(r, r->directory, len, r->trailer.dir_offset, err);

	if (rc < 0)
		return rc;
	if (!checksum_matches(r->directory, len, r->trailer.dir_xxh3))
		return reader_damaged(r, "checksum of the directory", err);
	for (size_t i = 0; i < r->trailer.dir_count; i++) {
		rc = reader_dirent(r, i, err);
		if (rc < 0)
			return rc;
	}
	if (!reader_has(r, IMG_T_MACHINE) || !reader_has(r, IMG_T_PROCESS))
		return reader_damaged(r, "it describes no process", err);
	return 0;
}

static int reader_chunks(const struct image_reader *r, struct err *err)
{
	for (size_t i = 0; i < r->model.chunks.n; i++) {
		const struct img_chunk *c = &r->model.chunks.at[i];
		const char *why = NULL;

		if (!c->source &&
		    !reader_inside(r, c->offset, c->stored_len, r->trailer.dir_offset))
			why = "lies outside the file";
		else if (!c->stored_len || c->stored_len > IMG_CHUNK_MAX)
			why = "has an impossible size";
		if (why)
			return err_say(err, EBADMSG, "image '%s' is damaged: chunk %zu %s", r->name,
				       i, why);
		if (c->codec != IMG_CODEC_NONE && c->codec != IMG_CODEC_ZSTD)
			return err_say(
				err, EPROTO,
				"image '%s': chunk %zu is compressed in a way that this Cairn does "
				"not know (%u)",
				r->name, i, c->codec);
	}
	return 0;
}

/* Its name is that of the process, beside this image. */
static char *reader_source_name(const struct image_reader *r, uint32_t pid)
{
	const char *slash = strrchr(r->name, '/');
	char *name;

	if (asprintf(&name, "%.*s%u.img", slash ? (int)(slash + 1 - r->name) : 0, r->name, pid) < 0)
		return NULL;
	return name;
}

static int reader_add_source(struct image_reader *r, int dirfd, uint32_t pid, struct err *err)
{
	struct reader_source *s = realloc(r->sources, (r->nsources + 1) * sizeof(*s));
	struct stat st;

	if (!s)
		return err_set(err, ENOMEM, "open image '%s'", r->name);
	r->sources = s;
	s += r->nsources;
	*s = (struct reader_source){ .pid = pid, .fd = -1, .name = reader_source_name(r, pid) };
	r->nsources++;
	if (!s->name)
		return err_set(err, ENOMEM, "open image '%s'", r->name);
	s->fd = openat(dirfd, s->name, READER_FLAGS);
	if (s->fd < 0)
		return err_set(err, errno, "open image '%s', in which pages of '%s' stand", s->name,
			       r->name);
	if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "'%s' is no regular file, so no image", s->name);
	return 0;
}

/* Whatever else there is in them is read when the chunks are; each has its own sum. */
static int reader_sources(struct image_reader *r, int dirfd, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->model.chunks.n; i++) {
		const struct img_chunk *c = &r->model.chunks.at[i];

		if (c->source && !reader_source(r, c))
			rc = reader_add_source(r, dirfd, c->source, err);
	}
	return rc;
}

static int reader_load(struct image_reader *r, struct err *err)
{
	int rc = reader_header(r, err);

	if (rc >= 0)
		rc = reader_trailer(r, err);
	if (rc >= 0)
		rc = reader_directory(r, err);
	if (rc >= 0)
		rc = reader_chunks(r, err);
	if (rc >= 0) {
		rc = check_model(&r->model, r->header.page_size, err);
		if (rc < 0)
			err_add(err, "image '%s' is damaged", r->name);
	}
	return rc;
}

int reader_open(struct image_reader **out, int fd, const char *name, struct err *err)
{
	struct image_reader *r = calloc(1, sizeof(*r));
	struct stat st;
	int rc;

	*out = NULL;
	if (!r) {
		close(fd);
		return err_set(err, ENOMEM, "open image '%s'", name);
	}
	model_init(&r->model);
	r->fd = fd;
	r->name = strdup(name);
	if (!r->name || fstat(r->fd, &st) < 0) {
		rc = err_set(err, r->name ? errno : ENOMEM, "open image '%s'", name);
	} else if (!S_ISREG(st.st_mode)) {
		rc = err_say(err, EINVAL, "'%s' is no regular file, so no image", name);
	} else {
		r->size = (uint64_t)st.st_size;
		rc = reader_load(r, err);
	}
	if (rc < 0)
		image_reader_close(r);
	else
		*out = r;
	return rc;
}

int image_reader_open(struct image_reader **out, int dirfd, const char *name, struct err *err)
{
	int fd = openat(dirfd, name, READER_FLAGS);
	int rc;

	*out = NULL;
	if (fd < 0)
		return err_set(err, errno, "open image '%s'", name);
	rc = reader_open(out, fd, name, err);
	if (rc >= 0)
		rc = reader_sources(*out, dirfd, err);
	if (rc < 0) {
		image_reader_close(*out);
		*out = NULL;
	}
	return rc;
}

void image_reader_close(struct image_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	for (size_t i = 0; i < r->nsources; i++) {
		if (r->sources[i].fd >= 0 && !r->sources[i].borrowed)
			close(r->sources[i].fd);
		free(r->sources[i].name);
	}
	free(r->sources);
	model_done(&r->model);
	free(r->name);
	free(r);
}

void image_reader_share(struct image_reader *r, struct image_reader *const *others, size_t n)
{
	for (size_t i = 0; i < r->nsources; i++) {
		struct reader_source *s = &r->sources[i];
		size_t k = 0;

		while (k < n && strcmp(others[k]->name, s->name))
			k++;
		if (k == n || s->borrowed)
			continue;
		close(s->fd);
		s->fd = others[k]->fd;
		s->borrowed = true;
	}
}

const struct model *image_reader_model(const struct image_reader *r)
{
	return &r->model;
}

void image_reader_set_parent(struct image_reader *r, int32_t ppid)
{
	r->model.process.ppid = ppid;
}

const struct img_header *image_reader_header(const struct image_reader *r)
{
	return &r->header;
}

uint64_t image_reader_size(const struct image_reader *r)
{
	return r->size;
}
