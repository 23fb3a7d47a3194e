/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a process of a restart stands among the others: who forks it, its session and that one's terminal,
 * its process group.
 *
 * A session can only be inherited or begun. So a process is forked by its parent where that is in its session
 * (or was, before it began its own), else by that session's leader in its parent's name (CLONE_PARENT), or
 * by a short-lived process in that session, whose end makes it an orphan, as it was one.
 *
 * The one rule: nobody waits for a process that may not have been born because of it: first all are
 * forked, then groups are joined.
 */
#pragma once

#include "restart/child.h"

/*
 * In the process of image @index: fork the others that are its to fork, take its own place. Where ids come
 * by cycling, start its threads as well: @b has them.
 */
int place_take(struct child_context *c, size_t index, struct rebuild *b, struct err *err);

/* Until the process of image @index is a child of the one that it is to be a child of, which may be us. */
void place_await_child(struct child_context *c, size_t index);

/* Until process @pid is there, if it is one of the computation's. */
void place_await_process(struct child_context *c, pid_t pid);

/* In a process of the agent @agent: fork all that are the agent's. */
int place_fork_top(struct child_context *c, pid_t agent, struct err *err);

/* In the agent: fork its only child. The id, or -errno. */
pid_t place_fork_only(struct child_context *c, size_t index, struct err *err);

/* Can all be born when their ids come round? Not if somebody in between would have to have an id as well. */
int place_check_order(const struct child_context *c, struct err *err);
