/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes have in common what clone(2) lets them have without being threads of one: memory,
 * descriptors, directory. Anybody of the computation may have it with anybody else: parents end, and go on to
 * other programs.
 *
 * The one rule: the kernel is only asked in what order two stand (kcmp). All are put in that order; who stand
 * at the same place have it in common. Where kcmp is refused nothing is known, and nothing said.
 */
#pragma once

#include "base/err.h"
#include "ckpt/notes.h"
#include "trace/park.h"

#include <stddef.h>
#include <stdint.h>

struct sharers {
	/* For each process of a park: the first of those that have the same, which may be itself. */
	size_t *first[NOTES_ORDERS];
};

/* All processes stand still. */
int sharers_find(struct sharers *s, const struct park *park, struct notes *notes, struct err *err);
void sharers_done(struct sharers *s);
