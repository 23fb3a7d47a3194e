/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is held is let go: what stands at once, and what does not when it comes. */
#include "host/fault.h"
#include "trace/tick.h"
#include "trace/tree_inside.h"

#include <errno.h>

enum { RELEASE_TICK_NS = 4 * 1000000 };

/* How long to wait for what could not be let go at once. */
static const int64_t release_grace_ns = 100 * 1000000;

static bool nothing_held(const struct tree *tree, size_t first)
{
	for (size_t i = first; i < tree->n; i++)
		for (size_t j = 0; j < tree->at[i].n; j++)
			if (tree_holds(&tree->at[i].at[j]))
				return false;
	return true;
}

/* Does this thread still have to come to a stop, or to its end? */
static bool is_coming(struct tree *tree, size_t process, size_t i, bool nohang)
{
	bool vfork = tree->at[process].at[i].state == TRACEE_VFORK;
	int rc = 0;

	while (rc != -EAGAIN && rc != -EINTR && tree_holds(&tree->at[process].at[i]) &&
	       tree->at[process].at[i].state != TRACEE_STOPPED)
		rc = tree_event(tree, process, i, nohang || vfork, NULL);
	return tree->at[process].at[i].state == TRACEE_RUNNING;
}

/* What its threads have created since they were seized is attached as well, and added to be let go. */
static bool all_have_come(struct tree *tree, size_t process, bool nohang)
{
	bool all = true;

	/* Leaders last: the kernel tells of their end when all their threads have been reaped. */
	for (size_t j = tree->at[process].n; j-- > 0;)
		all &= !is_coming(tree, process, j, nohang);
	return all;
}

/*
 * All that stand, together, and the leader first: where it is traced even a signal that is ignored comes, and
 * would interrupt the calls of those that have been let go before it.
 */
static void let_go(struct tree *tree, size_t process)
{
	for (size_t j = 0; j < tree->at[process].n; j++) {
		struct tracee *t = &tree->at[process].at[j];

		if (!tree_detach(tree, t) && t->state == TRACEE_STOPPED)
			t->state = TRACEE_RUNNING; /* killed while it stood: its end is to come */
		fault_point("park.detached");
	}
}

/* @force: also those of whom others have not come yet. */
static bool tend_from(struct tree *tree, size_t first, bool force)
{
	for (size_t i = tree->n; i-- > first;)
		if (all_have_come(tree, i, true) || force)
			let_go(tree, i);
	return nothing_held(tree, first);
}

bool tree_tend(struct tree *tree)
{
	return tend_from(tree, 0, true);
}

static void begin_release(struct tree *tree, size_t first)
{
	for (size_t i = first; i < tree->n; i++) {
		bool all = true;

		for (size_t j = tree->at[i].n; j-- > 0;) {
			if (tree->at[i].at[j].state != TRACEE_RUNNING)
				continue;
			tracee_interrupt(&tree->at[i].at[j]);
			all = false;
		}
		if (all)
			let_go(tree, i);
	}
}

/* The first that still waits in vfork, if there is one: until something happens. */
static void await_vfork(struct tree *tree, size_t first)
{
	for (size_t i = first; i < tree->n; i++)
		for (size_t j = 0; j < tree->at[i].n; j++)
			if (tree->at[i].at[j].state == TRACEE_VFORK) {
				tree_event(tree, i, j, false, NULL);
				return;
			}
}

/* One after the other; a tick must be running. */
static bool await_rest(struct tree *tree, size_t first, int64_t deadline)
{
	while (tick_now() <= deadline) {
		for (size_t i = tree->n; i-- > first;)
			if (all_have_come(tree, i, false))
				let_go(tree, i);
		if (nothing_held(tree, first))
			return true;
		await_vfork(tree, first);
	}
	return tend_from(tree, first, true);
}

bool tree_release_from(struct tree *tree, size_t first)
{
	begin_release(tree, first);
	return tend_from(tree, first, false) ||
	       await_rest(tree, first, tick_now() + release_grace_ns);
}

bool tree_release(struct tree *tree)
{
	struct tick tick = { 0 };
	bool done;

	begin_release(tree, 0);
	if (tend_from(tree, 0, false))
		return true;
	if (tick_start(&tick, RELEASE_TICK_NS, NULL) < 0)
		return false;
	done = await_rest(tree, 0, tick_now() + release_grace_ns);
	tick_stop(&tick);
	return done;
}
