/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traced threads of a tree of processes: found, seized, stopped, let go.
 *
 * The one rule: everything is listed while the program still runs, and what is born meanwhile is
 * attached by the kernel, so that between the first stop and the last nothing is read from /proc.
 */
#pragma once

#include "base/err.h"
#include "trace/tracee.h"

#include <stddef.h>
#include <stdint.h>

struct tree_process {
	pid_t pid;
	bool zombie;
	bool skipped; /* not ours to trace, or below such a one: what is seized of it is let go */
	char *why; /* it is not; NULL: not known */
	struct tracee *at; /* the leader first */
	size_t n, room;
};

struct park_memory;

struct tree {
	enum tracee_follow follow;
	bool orphans; /* our own children, too, but for @except */
	pid_t except;
	const pid_t *beside; /* the root: others that are to be found with it */
	size_t nbeside;
	bool skip; /* go on without those that may not be traced */
	struct tree_process *at; /* parents before children */
	size_t n, room;
	/* Bits by tid: what is in here already; whose filters have been asked about; who has one. */
	uint8_t *known, *looked, *filtered;
	struct tree
		*asleep; /* processes in there are taken over as they are (asleep.h); NULL: none */
	/* Before a thread is let go that has not been mended; @memory may be NULL. */
	void (*mend)(struct tracee *t, struct park_memory *memory);
	struct park_memory *memory;
	int64_t deadline; /* CLOCK_MONOTONIC ns */
	int64_t asked_ns; /* when parking began: to seize threads that come and go takes long */
	int64_t began_ns;
};

int tree_init(struct tree *tree, enum tracee_follow follow, struct err *err);
void tree_done(struct tree *tree);

/* Attach to @root and everything below it; nothing stops yet. A tick must be running, here and below. */
int tree_seize(struct tree *tree, pid_t root, struct err *err);

/* Attach to one process, as the last of the tree. */
int tree_seize_one(struct tree *tree, pid_t pid, struct err *err);

/* Stop everything; or processes from number @first on. */
int tree_stop(struct tree *tree, struct err *err);
int tree_stop_from(struct tree *tree, size_t first, struct err *err);

struct tree_process *tree_process(struct tree *tree, pid_t pid);

/* The tracee with this id, or NULL. */
struct tracee *tree_find(struct tree *tree, pid_t pid, pid_t tid);

/* Let everything go. False where some would not come in time: these stay attached, see tree_tend. */
bool tree_release(struct tree *tree);

/* The same for processes from number @first on. A tick must be running. */
bool tree_release_from(struct tree *tree, size_t first);

/*
 * After tree_release: go on waiting for what stayed behind, without blocking; true when nothing is
 * left.
 */
bool tree_tend(struct tree *tree);
