/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text without a libc: format into a caller's buffer, scan numbers out of one.
 *
 * The one rule: nothing here allocates, and every result is NUL-terminated and truncated to fit.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * printf's subset: %s %c %d %i %u %x %X %o %p %%, with -, 0, width, .precision (for %s, also '*')
 * and the lengths hh h l ll z. Returns how many bytes were stored, without the NUL (< @size).
 */
size_t text_vformat(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
size_t text_format(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

size_t text_length(const char *s);
bool text_equal(const char *a, const char *b);
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);

/* Take @suffix off the end of @s; false if it does not end so. */
bool text_drop_end(char *s, const char *suffix);

/* Copy with truncation; returns false if @src did not fit. */
bool text_copy(char *dst, size_t size, const char *src);

/*
 * Scan an unsigned number in @base (10, 16 or 8) at *@s, not past @end; leave *@s behind it.
 * False, and *@s unmoved, where there is no digit or the number exceeds 64 bits.
 */
bool text_scan(const char **s, const char *end, unsigned int base, uint64_t *value);

/* The whole of @s as a decimal number; false on anything else. */
bool text_number(const char *s, uint64_t *value);
