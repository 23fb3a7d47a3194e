/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/bytes.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTES_READ = 65536 };

static void bytes_reserve(struct bytes *b, size_t more)
{
	size_t want = b->n + more + 1;

	if (want <= b->room)
		return;
	if (want < 2 * b->room)
		want = 2 * b->room;
	b->at = realloc(b->at, want);
	if (!b->at)
		err(1, "%zu bytes", want);
	b->room = want;
}

void bytes_add(struct bytes *b, const void *more, size_t n)
{
	bytes_reserve(b, n);
	memcpy(b->at + b->n, more, n);
	b->n += n;
	b->at[b->n] = '\0';
}

ssize_t bytes_read(struct bytes *b, int fd)
{
	ssize_t n;

	bytes_reserve(b, BYTES_READ);
	n = read(fd, b->at + b->n, BYTES_READ);
	if (n > 0)
		b->n += (size_t)n;
	b->at[b->n] = '\0';
	return n;
}

void bytes_drop(struct bytes *b, size_t n)
{
	if (!n)
		return;
	b->n -= n;
	memmove(b->at, b->at + n, b->n + 1);
}

void bytes_keep_lines(struct bytes *b, size_t lines)
{
	size_t at = b->n;

	while (at > 0) {
		if (b->at[at - 1] == '\n' && at != b->n && !--lines)
			break;
		at--;
	}
	bytes_drop(b, at);
}

char *bytes_take_line(struct bytes *b)
{
	const char *end;
	size_t n;

	if (!b->n)
		return NULL;
	end = memchr(b->at, '\n', b->n);
	n = end ? (size_t)(end - b->at) : b->n;

	char *line = bytes_format("%.*s", (int)n, b->at);

	bytes_drop(b, end ? n + 1 : n);
	return line;
}

void bytes_done(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){ 0 };
}

char *bytes_format(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		err(1, "%s", fmt);
	return text;
}
