/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of mappings from one checkpoint to the next: settings that /proc/PID/maps does not tell
 * and that a checkpoint must know before it forks. /proc/PID/smaps tells them, but counts every page for it:
 * as long as the fork itself takes.
 *
 * The one rule: what stands here is only supposed. Each checkpoint compares it with the snapshot's smaps
 * (confirm.c), when the program runs on, and is taken again where it was wrong.
 */
#pragma once

#include "procfs/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The settings in question. */
enum {
	NOTES_FLAGS = MAPS_DONTCOPY | MAPS_WIPEONFORK | MAPS_HUGETLB | MAPS_PFNMAP | MAPS_IO |
		      MAPS_MAYWRITE
};

struct notes_range {
	pid_t pid;
	uint32_t flags; /* NOTES_FLAGS */
	uint64_t start, end;
};

/* What was supposed of each mapping of a process, in their order; n is 0 where smaps was read. */
struct notes_supposed {
	uint32_t *at;
	size_t n, room;
};

/* What processes may have in common (ckpt/sharers.h). */
enum { NOTES_MEMORY, NOTES_FILES, NOTES_FS, NOTES_ORDERS };

struct notes_order {
	pid_t *at;
	size_t n, room;
};

struct notes {
	uint32_t aio_nr, aio_takes; /* requests that an idle AIO context of that size takes */
	struct notes_range *at;
	size_t n, room;
	struct notes_order order[NOTES_ORDERS]; /* in which processes stood */
};

void notes_done(struct notes *notes);

/* Those of NOTES_FLAGS that matter of a mapping as smaps tells it. */
uint32_t notes_of(const struct maps_vma *smaps);

/* Those that a mapping has as far as is known; @vma from maps. */
uint32_t notes_suppose(const struct notes *notes, pid_t pid, const struct maps_vma *vma);

/* Is there a mapping of @pid with one of @flags? */
bool notes_any(const struct notes *notes, pid_t pid, uint32_t flags);

/* Keep what @smaps tells, if notes_suppose would not know. What cannot be kept is found out again. */
void notes_learn(struct notes *notes, pid_t pid, const struct maps_vma *smaps);
/* Before a checkpoint: all, if there are many. */
void notes_trim(struct notes *notes);
void notes_forget(struct notes *notes, pid_t pid);
