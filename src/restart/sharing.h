/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that share descriptors (CLONE_FILES) or directories and umask (CLONE_FS) without being threads of
 * one. Each such group has an owner, in whose image it stands.
 *
 * Nobody can join a group: a process has it from who makes it. So who makes one shares with it at that moment
 * what it is to have, also where that is another's in the end, and leaves that (unshare) when all are
 * made. Until then the descriptors of all processes are the same, and nobody has gone anywhere: what a group
 * is to have its owner puts there when all others have been made and those who are none of it have left.
 *
 * The one rule: between sharing_meet and sharing_ready nobody of a group but its owner opens or closes.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "restart/kin.h"

#include <stdint.h>

enum sharing_kind { SHARING_FILES, SHARING_FS, SHARING_KINDS };

struct sharing;

/*
 * Who shares what, and how that is made again; *@s is NULL if nobody does. @models are borrowed as long as it
 * lives. -ENOTSUP: it cannot be made again (never seen but where orphans have come to a process that has
 * nothing to do with it). -EBADMSG: the images make no sense.
 */
int sharing_create(struct sharing **s, const struct kin_all *kin, const struct model *const *models,
		   struct err *err);
void sharing_destroy(struct sharing *s);

/* The same only to know whether it can be made: for a checkpoint. */
int sharing_check(const struct model *const *models, size_t n, struct err *err);

/* Must somebody leave what it has before it has made all? With threads of its own already it cannot. */
bool sharing_moves(const struct sharing *s);

/*
 * All functions below do nothing where @s is NULL. Who makes others is a process, by its index, or one of
 * those that exist only to make others:
 */
size_t sharing_top(const struct sharing *s); /* the agent, or the maker of its children */
size_t sharing_leader(const struct sharing *s, size_t leader); /* KIN_LEADER, below that process */
size_t sharing_ended(const struct sharing *s, size_t first); /* KIN_ENDED; the first of them */
size_t sharing_fallen(const struct sharing *s, size_t first); /* those of them who fall further */

/* The process to look at as number @at, for who makes others one by one. */
size_t sharing_at(const struct sharing *s, size_t at);

/*
 * Before and after a fork that makes @node: its flags for clone(2), or -errno; and in the process that was
 * made.
 */
int64_t sharing_fork(struct sharing *s, size_t node);
void sharing_born(struct sharing *s, size_t node);

/* When @node has made all: leave what is not its own. */
int sharing_settle(struct sharing *s, size_t node);

/* Does process @index put there what is shared, or has it its own? */
bool sharing_keeps(const struct sharing *s, enum sharing_kind kind, size_t index);

/* Is process @owner that of a group? */
bool sharing_is_group(const struct sharing *s, enum sharing_kind kind, size_t owner);

/* Whose descriptors are those of process @index; @index itself, if they are its own. */
size_t sharing_owner(const struct sharing *s, enum sharing_kind kind, size_t index);

/*
 * In this order, for each kind: the others are there, which the owner waits for; the owner has put everything
 * there, which the others wait for; they need nothing else of it, and the owner waits for that.
 */
void sharing_meet(struct sharing *s, enum sharing_kind kind, size_t index);
void sharing_ready(struct sharing *s, enum sharing_kind kind, size_t index);
void sharing_finish(struct sharing *s, enum sharing_kind kind, size_t index);
