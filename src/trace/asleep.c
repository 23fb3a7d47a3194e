/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/asleep.h"

#include "base/owned.h"
#include "host/fault.h"
#include "host/proc.h"
#include "host/procid.h"
#include "procfs/task.h"
#include "trace/explain.h"
#include "trace/memory.h"
#include "trace/park_state.h"
#include "trace/repair.h"
#include "trace/tick.h"
#include "trace/tree_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ASLEEP_CHILDREN_BUF = 65536,
	ASLEEP_TICK_NS = 4 * 1000000,
	ASLEEP_STOP_NS = 50 * 1000000, /* for one to stop */
	ASLEEP_SWEEP_NS = 20 * 1000000, /* after that long all are asked one by one */
};

struct asleep {
	const struct asleep_options *options; /* while they are looked at */
	struct park park; /* of the one that is looked at; of all that are watched, the tree */
	pid_t *found; /* parents before children */
	size_t n, room;
};

/* ---- who there is ---- */

static int add_found(struct asleep *a, pid_t pid)
{
	pid_t *more;

	if (a->n == a->room) {
		a->room = a->room ? a->room * 2 : 64;
		more = reallocarray(a->found, a->room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		a->found = more;
	}
	a->found[a->n++] = pid;
	return 0;
}

/* The children of one thread of a process, or our own: of those only orphans of the computation. */
static int add_children(struct asleep *a, pid_t pid, pid_t tid)
{
	OWNED_PTR char *buf = malloc(ASLEEP_CHILDREN_BUF);
	struct scan text;
	int32_t child;
	long len;
	int rc = 0;

	if (!buf)
		return -ENOMEM;
	len = explain_read(pid, tid, "children", buf, ASLEEP_CHILDREN_BUF);
	text = scan_over(buf, len > 0 ? (size_t)len : 0);
	while (rc >= 0 && task_next_child(&text, &child)) {
		pid_t known = procid_meant(child);

		if (known > 0 && known != a->options->root && known != a->options->except &&
		    (pid != getpid() || explain_lives_untraced(known)))
			rc = add_found(a, known);
	}
	return rc;
}

/*
 * One that could be watched, as far as can be told without stopping it. Of several threads one is soon awake,
 * and does to the process what it wants.
 */
static bool may_sleep(const struct asleep *a, pid_t pid)
{
	struct stat_line stat;

	return proc_stat(pid, &stat, NULL) >= 0 && stat.state == 'S' && stat.num_threads == 1 &&
	       stat.rss <= a->options->pages;
}

/* ---- one of them ---- */

/* Does its only thread stand in a call that it will begin anew, untouched? */
static bool stands_in_call(const struct tree_process *p, const struct park_process *parked)
{
	const struct park_thread *t = parked->threads;

	return p->n == 1 && parked->nthreads == 1 && !p->at[0].filtered &&
	       p->at[0].state == TRACEE_STOPPED && !t->exited && !t->group_stopped &&
	       t->syscall >= 0 && !t->done;
}

/* Park it alone, look at it. > 0: it is to be watched. */
static int look_at(struct asleep *a, size_t process, struct err *err)
{
	struct park_state *s = a->park.state;
	int rc;

	s->tree.deadline = tick_now() + ASLEEP_STOP_NS;
	s->tree.asked_ns = s->tree.began_ns = tick_now();
	rc = tree_stop_from(&s->tree, process, err);
	if (rc < 0)
		return rc;
	rc = park_one(&a->park, process, err);
	if (rc >= 0 && s->tree.n == process + 1 &&
	    stands_in_call(&s->tree.at[process], &a->park.processes[0]))
		rc = a->options->look(a->options->arg, &a->park, err);
	else
		rc = rc < 0 ? rc : 0;
	fault_point("asleep.looked");
	repair_list_do(&s->late);
	s->late.n = 0;
	return rc;
}

static void try(struct asleep *a, pid_t pid)
{
	struct tree *tree = &a->park.state->tree;
	size_t process = tree->n;
	struct err ignored = ERR_INIT;
	int rc;

	tree->deadline = tick_now() + ASLEEP_STOP_NS;
	rc = tree_seize_one(tree, pid, &ignored);
	if (rc == -EEXIST)
		return;
	if (rc >= 0)
		rc = look_at(a, process, &ignored);
	if (rc > 0 && tracee_doze(&tree->at[process].at[0], tick_now() + ASLEEP_STOP_NS))
		fault_point("asleep.watched");
	else
		tree_release_from(tree, process);
}

/* ---- those that wake ---- */

/*
 * Is there something to be told of this thread? Then it has left its call, and is let go; but first to where
 * its call can be mended.
 */
static bool attend(struct tree *tree, size_t process, size_t i)
{
	int rc;

	if (!tree_holds(&tree->at[process].at[i]))
		return false;
	rc = tree_event(tree, process, i, true, NULL);
	if (rc == -EAGAIN || rc == -EINTR)
		return false;
	while (rc != -EINTR && tree->at[process].at[i].state == TRACEE_RUNNING)
		rc = tree_event(tree, process, i, false, NULL);
	tree_detach(tree, &tree->at[process].at[i]);
	return true;
}

static bool attend_thread(struct tree *tree, pid_t tid)
{
	for (size_t i = tree->n; i-- > 0;)
		for (size_t j = 0; j < tree->at[i].n; j++)
			if (tree->at[i].at[j].tid == tid)
				return attend(tree, i, j);
	return false;
}

static void sweep(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		for (size_t j = 0; j < tree->at[i].n; j++)
			attend(tree, i, j);
}

/* There may be others of whom there is something to be told: then it is left to the sweep. */
static void tend(struct tree *tree)
{
	siginfo_t si = { 0 };

	while (waitid(P_ALL, 0, &si, WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0 && si.si_pid &&
	       attend_thread(tree, si.si_pid))
		si.si_pid = 0;
}

/* ---- all of them ---- */

static int look_at_all(struct asleep *a)
{
	struct tree *tree = &a->park.state->tree;
	int64_t now = tick_now(), until = now + a->options->allowed_ns, swept = now;
	int rc = add_found(a, a->options->root);

	for (size_t i = 0; rc >= 0 && i < a->options->nbeside; i++)
		rc = add_found(a, a->options->beside[i]);
	if (rc >= 0 && a->options->with_orphans)
		rc = add_children(a, getpid(), getpid());
	for (size_t i = 0; rc >= 0 && i < a->n && now < until; i++, now = tick_now()) {
		rc = add_children(a, a->found[i], a->found[i]);
		if (may_sleep(a, a->found[i]))
			try(a, a->found[i]);
		tend(tree);
		if (now - swept < ASLEEP_SWEEP_NS)
			continue;
		sweep(tree);
		swept = now;
	}
	return rc;
}

int asleep_begin(struct asleep **asleep, const struct asleep_options *options,
		 struct park_memory *memory, struct err *err)
{
	struct tick tick = { 0 };
	struct asleep *a;
	int rc;

	*asleep = NULL;
	if (!park_tend(memory))
		return 0; /* some are attached still, and will be taken over by the park */
	a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(err, ENOMEM, "parking");
	a->options = options;
	rc = park_init(&a->park, memory, TRACEE_CHILDREN, err);
	if (rc >= 0)
		rc = tick_start(&tick, ASLEEP_TICK_NS, err);
	if (rc >= 0 && look_at_all(a) < 0)
		rc = err_set(err, ENOMEM, "parking");
	tick_stop(&tick);
	a->options = NULL;
	if (rc < 0)
		asleep_end(a);
	else
		*asleep = a;
	return rc;
}

struct tree *asleep_tree(struct asleep *asleep)
{
	return asleep ? &asleep->park.state->tree : NULL;
}

void asleep_end(struct asleep *asleep)
{
	if (!asleep)
		return;
	park_end(&asleep->park);
	free(asleep->found);
	free(asleep);
}
