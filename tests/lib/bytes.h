/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that grow: what a test says, what a file of /proc holds.
 *
 * The one rule: at[n] is a NUL once anything has been added, and no memory is the end of the program.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct bytes {
	char *at; /* NULL while nothing was ever added */
	size_t n, room;
};

void bytes_add(struct bytes *b, const void *more, size_t n);

/* Add what one read(2) gives; its result. */
ssize_t bytes_read(struct bytes *b, int fd);

/* Forget the first @n bytes. */
void bytes_drop(struct bytes *b, size_t n);

/* Forget what stands before the last @lines lines. */
void bytes_keep_lines(struct bytes *b, size_t lines);

/* Take the next line off, without its newline, malloc'd; NULL when nothing is left. */
char *bytes_take_line(struct bytes *b);

void bytes_done(struct bytes *b);

/* asprintf that gives the text, or ends the program. The caller frees it. */
char *bytes_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline void bytes_owned_done(char **text)
{
	__builtin_free(*text);
}
/* Text freed when the scope is left. */
#define OWNED_TEXT __attribute__((cleanup(bytes_owned_done)))
