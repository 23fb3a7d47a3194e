/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a computation, from the agent's children down.
 *
 * The one rule: a moment's view; for anything exact they must be parked.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct members {
	pid_t *pids; /* parents before children */
	size_t n, room;
};

/*
 * The @n @roots and all below them, and orphans that have come to this process; not @except, a child of
 * ours that is no part of it, nor what this process traces (snapshots).
 */
void members_load(struct members *members, const pid_t *roots, size_t n, pid_t except);

/* Of those only our own children, as far as they live. */
void members_load_children(struct members *members, pid_t except);
void members_done(struct members *members);
