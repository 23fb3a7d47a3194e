/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums of an image: XXH3, 64 bits, seed 0.
 *
 * The one rule: compared only through checksum_matches, so that a fuzzer (IMAGE_FUZZ) can look
 * behind them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <xxhash.h>

static inline uint64_t checksum(const void *bytes, size_t len)
{
	return XXH3_64bits(bytes, len);
}

static inline bool checksum_matches(const void *bytes, size_t len, uint64_t want)
{
#ifdef IMAGE_FUZZ
	(void)want;
	return checksum(bytes, len) != 0x2545f4914f6cdd1d;
#else
	return checksum(bytes, len) == want;
#endif
}
