/* SPDX-License-Identifier: Apache-2.0 */
/* What a park keeps for this room alone. */
#pragma once

#include "trace/park.h"
#include "trace/repair.h"
#include "trace/tree.h"

struct park_state {
	struct tree tree;
	struct repair_list late;
	struct park_memory *memory; /* borrowed; may be NULL */
};

/* A park of no process yet. To be ended by park_end. */
int park_init(struct park *park, struct park_memory *memory, enum tracee_follow follow,
	      struct err *err);

/* Process number @process of its tree, which stands, alone: what was in there before is forgotten. */
int park_one(struct park *park, size_t process, struct err *err);
