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
