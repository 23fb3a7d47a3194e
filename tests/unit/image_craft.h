/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image in memory, taken apart into its tables, changed, and sealed again with right checksums:
 * what another version, or somebody who means harm, could have written.
 *
 * The one rule: craft_seal makes a file that is consistent in itself; what the reader objects to
 * then is what the test has changed.
 */
#pragma once

#include "contract/image_format.h"
#include "image/checksum.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CRAFT_MAX = 1 << 20 };

struct craft_table {
	struct img_dirent d; /* offset and xxh3 are filled in by craft_seal */
	uint8_t *bytes;
};

struct craft {
	uint8_t bytes[CRAFT_MAX]; /* the whole file */
	size_t n;
	size_t body; /* header and chunks: where the tables begin */
	struct img_trailer trailer;
	struct craft_table tables[IMG_TABLE_MAX];
	uint32_t ntables;
};

static inline size_t craft_pad(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline struct craft_table *craft_find(struct craft *c, uint32_t table)
{
	for (uint32_t i = 0; i < c->ntables; i++)
		if (c->tables[i].d.table == table)
			return &c->tables[i];
	return NULL;
}

/* A new table, zeroed. */
static inline struct craft_table *craft_add(struct craft *c, uint32_t table, uint32_t record_size,
					    uint64_t count)
{
	struct craft_table *t = &c->tables[c->ntables++];

	t->d = (struct img_dirent){ .table = table, .record_size = record_size, .count = count };
	t->bytes = calloc(count, record_size);
	return t;
}

/* Give the records of a table another size: cut, or longer by bytes that are not zero. */
static inline void craft_resize(struct craft_table *t, uint32_t size)
{
	uint8_t *bytes = malloc(t->d.count * size);
	uint32_t copy = size < t->d.record_size ? size : t->d.record_size;

	memset(bytes, 0xa5, t->d.count * size);
	for (uint64_t i = 0; i < t->d.count; i++)
		memcpy(bytes + i * size, t->bytes + i * t->d.record_size, copy);
	free(t->bytes);
	t->bytes = bytes;
	t->d.record_size = size;
}

static inline void craft_load(struct craft *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, c->bytes, sizeof(c->bytes));
	struct img_dirent d;

	if (n < (ssize_t)sizeof(c->trailer))
		abort();
	close(fd);
	c->n = c->body = (size_t)n;
	memcpy(&c->trailer, c->bytes + c->n - sizeof(c->trailer), sizeof(c->trailer));
	c->ntables = 0;
	for (uint32_t i = 0; i < c->trailer.dir_count; i++) {
		struct craft_table *t;

		memcpy(&d, c->bytes + c->trailer.dir_offset + i * sizeof(d), sizeof(d));
		t = craft_add(c, d.table, d.record_size, d.count);
		memcpy(t->bytes, c->bytes + d.offset, d.count * d.record_size);
		if (d.offset < c->body)
			c->body = d.offset;
	}
}

static inline void craft_free(struct craft *c)
{
	while (c->ntables)
		free(c->tables[--c->ntables].bytes);
}

/* Checksums of header, directory and trailer, as @c->trailer and c->bytes stand now. */
static inline void craft_sums(struct craft *c)
{
	struct img_trailer *t = &c->trailer;
	struct img_header header;

	memcpy(&header, c->bytes, sizeof(header));
	t->header_xxh3 = checksum(c->bytes, header.header_size);
	t->dir_xxh3 = checksum(c->bytes + t->dir_offset, t->dir_count * sizeof(struct img_dirent));
	t->file_size = c->n;
	t->self_xxh3 = checksum(t, offsetof(struct img_trailer, self_xxh3));
	memcpy(c->bytes + c->n - sizeof(*t), t, sizeof(*t));
}

static inline void craft_seal(struct craft *c)
{
	size_t at = c->body;

	memset(c->bytes + at, 0, sizeof(c->bytes) - at);
	for (uint32_t i = 0; i < c->ntables; i++) {
		struct craft_table *t = &c->tables[i];
		size_t len = t->d.count * t->d.record_size;

		memcpy(c->bytes + at, t->bytes, len);
		t->d.offset = at;
		t->d.xxh3 = checksum(t->bytes, len);
		at += craft_pad(len);
	}
	c->trailer.dir_offset = at;
	c->trailer.dir_count = c->ntables;
	for (uint32_t i = 0; i < c->ntables; i++, at += sizeof(struct img_dirent))
		memcpy(c->bytes + at, &c->tables[i].d, sizeof(struct img_dirent));
	c->n = at + sizeof(c->trailer);
	craft_sums(c);
}

/* All of it to @fd, a file that is exactly that long then. */
static inline void craft_store(const struct craft *c, int fd)
{
	if (ftruncate(fd, 0) || pwrite(fd, c->bytes, c->n, 0) != (ssize_t)c->n)
		abort();
}
