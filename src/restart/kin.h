/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes whom: of a process what all others of a restart need to know, and what follows from that of all
 * of them. Nothing here looks at a running process.
 *
 * The one rule: what is decided here is the same in every process of the restart, and at the checkpoint.
 */
#pragma once

#include "image/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * In one small array: every process of a restart looks through all of it, and would else touch the images of
 * all.
 */
struct kin {
	int32_t pid, ppid, pgid, sid;
	uint32_t flags; /* IMG_PROC_* */
	uint32_t exit_signal;
};

struct kin_all {
	const struct kin *at;
	size_t n;
};

/* When and by whom a process is forked. */
enum kin_birth {
	KIN_BEFORE, /* by its parent, before that begins its own session */
	KIN_AFTER, /* by its parent, in the session that this is in */
	KIN_LEADER, /* in the name of its session's leader */
	KIN_BESIDE, /* by its session's leader, as another child of that one's parent */
	KIN_ENDED, /* as KIN_AFTER, but the leader of its session has ended */
};

enum {
	KIN_NONE = -1,
	KIN_OUTSIDE = 0, /* a session that is not in the namespace which the image was taken in */
};

struct kin kin_of(const struct img_process *p);

/* The index of @pid; KIN_NONE: it is none of them. */
int kin_find(const struct kin_all *k, pid_t pid);

enum kin_birth kin_birth(const struct kin_all *k, size_t index);

/*
 * The session that a process was born in; KIN_NONE: not known. One that has begun its own was before in
 * that of its children who are not in its own, else in its parent's.
 */
pid_t kin_born_in(const struct kin_all *k, size_t index);

/* Is it KIN_ENDED, and of session @sid? */
bool kin_is_ended(const struct kin_all *k, size_t index, pid_t sid);
/* The index of the first that is; k->n: none is. */
size_t kin_first_ended(const struct kin_all *k, pid_t sid);

/*
 * Who makes those in session @sid, whose leader has ended: the parent of some of them that is furthest below.
 * The others' are above it, and can be fallen to from there.
 */
pid_t kin_ended_maker(const struct kin_all *k, pid_t sid);

/* Is @id that of a process, group, session or thread in one of @n images? */
bool kin_want(struct image_reader *const *images, size_t n, pid_t id);
