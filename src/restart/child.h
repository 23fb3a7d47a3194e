/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process on its way to become the program: born with its old id, it makes what libc can make, writes the
 * plan for the rest and gives itself up to the restorer.
 *
 * The one rule: it runs under the agent's trace from birth and never comes back; if it fails it says so
 * on its board and ends.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"
#include "res/res.h"
#include "restart/common.h"
#include "restart/kin.h"
#include "restart/order.h"
#include "restart/rebuild.h"
#include "restart/restart.h"
#include "restart/sharing.h"

/* What a process tells the agent; in memory shared by both. */
struct child_board {
	struct err err; /* num set: why it ended */
	uint64_t header; /* address of the plan in the process, once there is one */
	uint32_t born; /* it runs */
	uint32_t placed; /* in its process group; a futex */
	uint32_t ours; /* its parent's child, who need not have forked it; a futex */
	uint32_t leads; /* for now, the group that it had begun and left; a futex */
	uint32_t reaps; /* it is the subreaper that it was, and makes nobody any more; a futex */
};

enum { CHILD_SHELVES_MAX = 1024 };

/* Processes that hold descriptors meanwhile (res/shelf.c), for the agent to end; in memory shared by all. */
struct child_shelves {
	uint32_t n;
	int32_t pids[CHILD_SHELVES_MAX]; /* 0: has ended */
};

/* What all processes of a restart know. */
struct child_context {
	struct image_reader *const *images;
	struct kin_all kin; /* of all n processes */
	size_t n;
	const struct restart_options *options;
	struct child_board *boards; /* n of them, shared */
	struct child_shelves *shelves;
	const struct rebuild_object *objects; /* inherited mappings */
	size_t nobjects;
	const struct common *common; /* more of them */
	struct sharing *sharing; /* NULL: nobody shares anything */
	bool own_mounts; /* in a mount namespace of the restart's */
	struct order *order; /* where ids come by cycling; shared. NULL: they can be chosen */
	struct res_restart
		*res; /* every description of the computation, made by the first process */
	int line; /* to the front, of the agent alone, so that its end is seen there; or -1 */
	int go[2]; /* one byte for each process, once all are seized; the end: the agent is gone */
};

/* Become the process of image @index. Signals are blocked. */
void child_run(struct child_context *c, size_t index) __attribute__((noreturn));

/*
 * Make the descriptions, then every process of the agent's own, and end: they become the agent's, who is
 * their subreaper. For computations with orphans: what is shared among the agent's children must be made
 * before any of them is born. Errors stand on board @index.
 */
void child_run_maker(struct child_context *c, size_t index) __attribute__((noreturn));

/*
 * Fork the process of image @index with its own id; in the parent as spawn_fork. @flags: CLONE_PARENT or 0;
 * with it the child tells of its end by the signal that we do.
 */
pid_t child_fork(struct child_context *c, size_t index, uint64_t flags);
