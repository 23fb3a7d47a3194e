/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V shared memory, semaphores and message queues: which belong to a computation, what is in them,
 * and how to make them again with their ids.
 *
 * The one rule: an object belongs to the computation if one of its processes has it attached or is on
 * record for it (creator, last user); or if its user made it since the computation began and nobody who is
 * on record lives. One that processes outside are on record for as well is refused by name.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "procfs/sysvipc.h"
#include "res/shared.h"
#include "trace/probe.h"

#include <stdbool.h>
#include <sys/types.h>

/* One object of this IPC namespace, as first seen. */
struct sysv_seen {
	enum img_sysv_type type;
	struct sysvipc_object o;
	struct img_sem *sems; /* of a set that is ours: o.size of them */
	uint64_t mapped; /* mappings of a segment in the computation */
	pid_t outside; /* a living process on record that is not the computation's; 0: none */
	bool ours;
};

struct sysv_capture {
	struct sysv_seen *at;
	size_t n, room;
};

/*
 * List what there is, while everything is parked and before the first snapshot (a fork attaches as well).
 * @pids are the computation's processes, @root the first.
 */
int sysv_look(struct sysv_capture *c, const pid_t *pids, size_t n, pid_t root, struct err *err);
void sysv_capture_done(struct sysv_capture *c);

/* The segment of this id has a mapping in the computation. Refused where there is none of that id. */
int sysv_mapped(struct sysv_capture *c, int32_t id, struct err *err);

/* What ties a process to semaphores: asked through the probe. It leaves no trace in them. */
bool sysv_has_ties(const struct sysv_capture *c); /* is there something to ask for? */
int sysv_ties(const struct sysv_capture *c, struct model *m, struct probe *probe, struct err *err);

/* All that is ours, into @m. @kept: contents that mappings hold already. */
int sysv_capture(const struct sysv_capture *c, struct model *m, const struct shared *kept,
		 struct err *err);

/*
 * Could all of @m be made in this IPC namespace? What is left of the computation itself (the very same
 * object, attached by nobody) is no hindrance: sysv_make replaces it. -EEXIST, naming what is in the way.
 */
int sysv_check_free(const struct model *m, struct err *err);

/* Objects made so far by a restart. */
struct sysv_made {
	const struct img_sysv *o;
	void *at; /* where this process has the segment; NULL: not a segment */
};

struct sysv_restart {
	struct sysv_made *made;
	size_t n;
};

/*
 * Make all objects of @models, segments attached to this process, so that those forked from it have them.
 * On failure too: sysv_undo or sysv_restart_done.
 */
int sysv_make(struct sysv_restart *r, const struct model *const *models, size_t n, struct err *err);

/* The segment of img_vma.object @object: where it is attached here, its bytes. NULL: none. */
void *sysv_segment(const struct sysv_restart *r, uint64_t object, uint64_t *size);

/*
 * When every process has its mappings, and before any runs: owners and modes; removed segments are removed
 * again; this process detaches.
 */
int sysv_settle(struct sysv_restart *r, struct err *err);

/* Take away again all that was made. */
void sysv_undo(struct sysv_restart *r);

/*
 * The same, best effort, by who did not make them: after sysv_check_free, and when who did has been killed.
 * Nothing of the computation that the image is of is touched.
 */
void sysv_clear(const struct model *m);

/* Detach, and forget. */
void sysv_restart_done(struct sysv_restart *r);
