/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over text of /proc that lies in memory: what all parsers of this room are made of.
 *
 * The one rule: a function either takes what it names and moves the cursor behind it, or returns
 * false and leaves the cursor where it was. Nothing is copied, nothing needs a NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
	const char *at, *end;
};

static inline struct scan scan_over(const char *text, size_t len)
{
	return (struct scan){ text, text + len };
}

static inline size_t scan_left(const struct scan *s)
{
	return (size_t)(s->end - s->at);
}

/* The next line, without its newline. A last line without one counts only where @partial. */
bool scan_line(struct scan *text, struct scan *line, bool partial);

/* Exactly this text. */
bool scan_text(struct scan *s, const char *literal);

/* Blanks and tabs, if any. */
void scan_blanks(struct scan *s);

/* Up to the next blank, tab or the end: at least one byte. Blanks before it are skipped. */
bool scan_word(struct scan *s, struct scan *word);

/* An unsigned number in base 8, 10 or 16; blanks before it are skipped. */
bool scan_unsigned(struct scan *s, unsigned int base, uint64_t *value);
bool scan_u32(struct scan *s, unsigned int base, uint32_t *value);

/* A decimal number with an optional minus; blanks before it are skipped. */
bool scan_signed(struct scan *s, int64_t *value);
bool scan_int(struct scan *s, int32_t *value);
