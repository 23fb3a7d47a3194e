/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reader share. Included by reader.c, decoder.c and verify.c only. */
#pragma once

#include "image/reader.h"

struct image_reader {
	int fd;
	char *name; /* as it was opened, for messages */
	uint64_t size;
	struct img_header header;
	struct img_trailer trailer;
	struct img_dirent directory[IMG_TABLE_MAX];
	struct model model;
};

/* "image 'X' is damaged: @what", -EBADMSG. */
int reader_damaged(const struct image_reader *r, const char *what, struct err *err);

/* Exactly @len bytes from @offset. */
int reader_bytes(const struct image_reader *r, void *buf, size_t len, uint64_t offset,
		 struct err *err);

/* The bytes of a table, checked against their sum, as they stand in the file: @d has been checked. */
int reader_records(const struct image_reader *r, const struct img_dirent *d, void *to,
		   struct err *err);
