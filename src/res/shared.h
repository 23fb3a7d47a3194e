/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parts of shared memory objects an image has already, of any process: contents are kept once.
 *
 * The one rule: a part counts as kept only if it was all kept under one mapping after the other, without
 * a hole.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shared_part {
	uint64_t object, start, end; /* img_vma.object; bytes in it */
};

struct shared {
	struct shared_part *at;
	size_t n, room;
};

void shared_done(struct shared *s);

/* Are all bytes of [@start, @end) kept? */
bool shared_has(const struct shared *s, uint64_t object, uint64_t start, uint64_t end);

/*
 * Move *@start to the first byte before @end that is not kept, to @end where there is none. Returns where
 * what is kept begins again, @end at most.
 */
uint64_t shared_gap(const struct shared *s, uint64_t object, uint64_t *start, uint64_t end);

int shared_add(struct shared *s, uint64_t object, uint64_t start, uint64_t end, struct err *err);
