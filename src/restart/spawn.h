/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New processes with wished-for ids.
 *
 * The one rule: called while this process has one thread; the child goes on in a copy of everything, and libc
 * knows its new id.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * fork, with id @want (0: any) in the innermost pid namespace and clone flags @flags (CLONE_NEW*).
 * Returns 0 in the child, the child's id or -errno in the parent. -EEXIST: the id is taken.
 */
pid_t spawn_fork(pid_t want, uint64_t flags, int exit_signal);

/* The same, where @want was free a moment ago: whoever has taken it since may end, for some seconds. */
pid_t spawn_fork_when_free(pid_t want, uint64_t flags, int exit_signal);

/* fork, with any id that is none of those in @n images. As spawn_fork. */
pid_t spawn_fork_beside(struct image_reader *const *images, size_t n);

/*
 * Enter process group @pgid: an existing one of this session, or one that a short-lived process of
 * that id begins. -errno without a message: where it cannot be had the caller decides.
 */
int spawn_join_group(pid_t pgid);

/* Wait for a child whatever its exit signal is; its wait status. */
int spawn_wait(pid_t pid);
