/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a tree share: tree.c, release.c. */
#pragma once

#include "trace/tree.h"

/* Is there something to do before it is let go? */
static inline bool tree_holds(const struct tracee *t)
{
	return t->state == TRACEE_RUNNING || t->state == TRACEE_STOPPED || t->state == TRACEE_VFORK;
}

/*
 * Thread number @i of process number @process: one event of it, if there is one; blocks unless @nohang. As
 * tracee_wait; what has been born is added.
 */
int tree_event(struct tree *tree, size_t process, size_t i, bool nohang, struct err *err);

/* Let it go if it stands. Its call is to go on as if it had not been interrupted. */
bool tree_detach(const struct tree *tree, struct tracee *t);
