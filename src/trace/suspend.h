/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters that are not looked at for a while: what a thread does for us is not the program's doing.
 *
 * The one rule: only while the thread stands, or makes calls of ours. Before it goes on with what is its own,
 * its filters count again; if we die they do at once.
 */
#pragma once

#include "base/err.h"
#include "trace/tracee.h"

#include <stdbool.h>

/*
 * May it be done from here? It needs CAP_SYS_ADMIN in the first user namespace, and that no filter is on us:
 * who may do it has not inherited any, and all that a program has are its own.
 */
bool suspend_allowed(void);

/* For messages: who may. */
#define SUSPEND_WHO "an agent of root's on the host (CAP_SYS_ADMIN, itself under no filter)"

/* Of @t, which stands: -EPERM, explained but for its id. Nothing where it has no filters of its own. */
int suspend_begin(struct tracee *t, struct err *err);
void suspend_end(struct tracee *t);

/* Set ptrace options @options of @t, which stands, and keep its filters suspended if they are. */
void suspend_set_options(const struct tracee *t, long options);
