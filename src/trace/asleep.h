/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that sleep: what only they themselves can change is looked at before the others are stopped, and
 * need not be while the whole program stands. Each that has one thread is parked alone, let sleep on, and
 * watched: it stops on its way out of the call in which it waits. If it has not by the time of the park, no
 * instruction of the program has been carried out in it since then.
 *
 * The one rule: one that wakes is let go at once, and is then as if it had never been looked at. All calls
 * must come from the thread that begins the park.
 */
#pragma once

#include "base/err.h"
#include "trace/park.h"

#include <stdint.h>

struct tree;

/* Look at the only process of @park, which stands. > 0: watch it; else it is let go. */
typedef int asleep_look(void *arg, struct park *park, struct err *err);

struct asleep_options {
	pid_t root; /* it, and everything below it */
	bool with_orphans; /* also what has come to us, and everything below that */
	const pid_t *beside; /* processes at the top beside the root */
	size_t nbeside;
	pid_t except; /* a child of ours that is no part of it; 0: none */
	uint64_t pages; /* resident at most: larger ones are left alone */
	int64_t allowed_ns; /* stop looking after that */
	asleep_look *look;
	void *arg;
};

/*
 * Look at all that sleep. What fails is left to the park, which says so. @memory as for park_begin; NULL in
 * *@asleep: nothing is watched. To be ended when the park has begun, or has failed.
 */
int asleep_begin(struct asleep **asleep, const struct asleep_options *options,
		 struct park_memory *memory, struct err *err);

/* Let those go that the park has not taken over. NULL is fine. */
void asleep_end(struct asleep *asleep);

/* Where they are attached; NULL of NULL. */
struct tree *asleep_tree(struct asleep *asleep);
