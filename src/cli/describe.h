/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image holds, as JSON: one function a part.
 *
 * The one rule: numbers are numbers (bytes, seconds, ids), addresses and masks are text in
 * hexadecimal, bits are lists of words; each function returns a new reference.
 */
#pragma once

#include "image/reader.h"

#include <jansson.h>

/* Objects. */
json_t *describe_header(const struct image_reader *r);
json_t *describe_machine(const struct model *m);
json_t *describe_process(const struct model *m);
json_t *describe_memory(const struct model *m);

/* Arrays of objects. */
json_t *describe_vmas(const struct model *m);
json_t *describe_threads(const struct model *m);
json_t *describe_fds(const struct model *m);
json_t *describe_files(const struct model *m);
json_t *describe_sigactions(const struct model *m);
json_t *describe_pending(const struct model *m);
json_t *describe_timers(const struct model *m);
json_t *describe_sysv(const struct model *m);

/* Words for numbers, shared by the parts. */
json_t *describe_hex(uint64_t value);

struct describe_word {
	uint64_t bit;
	const char *word;
};
json_t *describe_bits(uint64_t bits, const struct describe_word *words, size_t n);
