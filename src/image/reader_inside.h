/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reader share. Included by reader.c, decoder.c and verify.c only. */
#pragma once

#include "image/reader.h"

/* Another image, in which some chunks stand. */
struct reader_source {
	uint32_t pid;
	int fd;
	bool borrowed; /* fd is another reader's */
	char *name;
};

struct image_reader {
	int fd;
	char *name; /* as it was opened, for messages */
	uint64_t size;
	struct img_header header;
	struct img_trailer trailer;
	struct img_dirent directory[IMG_TABLE_MAX];
	struct model model;
	struct reader_source *sources; /* by pid */
	size_t nsources;
};

/* "image 'X' is damaged: @what", -EBADMSG. */
int reader_damaged(const struct image_reader *r, const char *what, struct err *err);

/* Everything that stands in file @fd itself, which the reader owns from here on, also on failure. */
int reader_open(struct image_reader **r, int fd, const char *name, struct err *err);

/* Where chunk @c stands: NULL is this file. */
const struct reader_source *reader_source(const struct image_reader *r, const struct img_chunk *c);

/* The stored bytes of chunk @c, unchecked. */
int reader_chunk(const struct image_reader *r, const struct img_chunk *c, void *buf,
		 struct err *err);

/* Exactly @len bytes from @offset. */
int reader_bytes(const struct image_reader *r, void *buf, size_t len, uint64_t offset,
		 struct err *err);

/* The bytes of a table, checked against their sum, as they stand in the file: @d has been checked. */
int reader_records(const struct image_reader *r, const struct img_dirent *d, void *to,
		   struct err *err);
