/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces in which every id is free and the clocks go on from where they were.
 *
 * The one rule: no privilege is needed where user namespaces are allowed; root makes none.
 */
#pragma once

#include "base/err.h"
#include "contract/image_format.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * fork into new pid and mount (and, for a plain user, user) namespaces: the child is their pid 1. @ipc:
 * System V objects and POSIX message queues get a new namespace as well; else they stay shared with all.
 */
pid_t namespace_fork(bool ipc);

/* In pid 1: ids mapped to themselves, a /proc of its own where that is allowed, clocks for its children. */
int namespace_enter(const struct img_machine *then, struct err *err);

/*
 * kernel.pid_max: ids here are below it; 0: not known. Since Linux 6.14 each PID namespace has its own, which
 * begins with the highest that there is; before that setting it has an effect only outside of namespaces.
 */
pid_t namespace_id_limit(void);
void namespace_set_id_limit(pid_t limit);

/* The next new id comes after @last. Best effort. */
void namespace_set_last_id(pid_t last);

/* pid 1 from here on: wait for whatever ends, until nothing is left. Holds no descriptor. */
void namespace_reap(void) __attribute__((noreturn));
