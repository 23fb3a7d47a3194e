/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generations: complete checkpoints in a checkpoint directory, complete or absent.
 *
 * The one rule: gen-NNNNNN exists only with a manifest.json that was written last and synced. What is being
 * written is gen-NNNNNN.partial; leftovers of dead agents are removed by the next checkpoint.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct generation_list {
	uint32_t *numbers; /* ascending */
	size_t n;
};

/* All complete generations of @dir. A directory that does not exist has none. */
int generation_list_load(struct generation_list *list, const char *dir, struct err *err);
void generation_list_done(struct generation_list *list);

struct generation { /* one being written */
	int dirfd; /* of gen-NNNNNN.partial */
	int parentfd; /* of the checkpoint directory */
	uint32_t number;
	char path[4096]; /* of gen-NNNNNN, once it is committed */
};

int generation_open(struct generation *g, const char *dir, struct err *err);
/*
 * Write manifest.json (@manifest, JSON text), sync file and directory, rename, sync the parent.
 * Then remove generations beyond the newest @keep (0: keep all).
 */
int generation_commit(struct generation *g, const char *manifest, unsigned int keep,
		      struct err *err);
/* Remove the partial directory. Safe after commit (does nothing) and on a zeroed one. */
void generation_abandon(struct generation *g);

/* Remove all complete generations of @dir but the newest @keep, and leftovers. */
int generation_prune(const char *dir, unsigned int keep, unsigned int *removed, struct err *err);
