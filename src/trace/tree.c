/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tree.h"

#include "base/owned.h"
#include "host/fault.h"
#include "host/procid.h"
#include "procfs/stat.h"
#include "procfs/task.h"
#include "trace/explain.h"
#include "trace/tick.h"
#include "trace/tree_inside.h"
#include "trace/vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TREE_PID_MAX = 1 << 22, /* PID_MAX_LIMIT of 64-bit kernels */
	TREE_DIR_BUF = 32768,
	TREE_DIR_FRESH = 1024, /* of that: what has just been listed still lives */
	TREE_CHILDREN_BUF = 65536,
	TREE_MOMENT_NS = 20000, /* for a thread to run on */
	TREE_ROUSE_NS = 5 * 1000000, /* who has woken is looked for that often */
};

/* How long a vfork child may take to come to its execve before it is parked where it is. */
static const int64_t tree_vfork_grace_ns = 100 * 1000000;

/* How long after the beginning threads are given to come out of the vdso. */
static const int64_t tree_vdso_grace_ns = 2000000000;

static bool bit(const uint8_t *bits, pid_t tid)
{
	return bits[tid / 8] & (1 << tid % 8);
}

static void set_bit(uint8_t *bits, pid_t tid)
{
	bits[tid / 8] |= (uint8_t)(1 << tid % 8);
}

static void clear_bit(uint8_t *bits, pid_t tid)
{
	bits[tid / 8] &= (uint8_t) ~(1 << tid % 8);
}

static void *grow(void **at, size_t n, size_t *room, size_t size)
{
	if (n == *room) {
		size_t more = *room ? *room * 2 : 16;
		void *p = reallocarray(*at, more, size);

		if (!p)
			return NULL;
		*at = p;
		*room = more;
	}
	return (char *)*at + n * size;
}

int tree_init(struct tree *tree, enum tracee_follow follow, struct err *err)
{
	*tree = (struct tree){ .follow = follow };
	/* Pages are only made where they are touched. */
	tree->known = calloc(TREE_PID_MAX / 8, 1);
	tree->looked = calloc(TREE_PID_MAX / 8, 1);
	tree->filtered = calloc(TREE_PID_MAX / 8, 1);
	if (tree->known && tree->looked && tree->filtered)
		return 0;
	return err_set(err, ENOMEM, "parking");
}

void tree_done(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->at[i].at);
		free(tree->at[i].why);
	}
	free(tree->at);
	free(tree->known);
	free(tree->looked);
	free(tree->filtered);
	tree->at = NULL;
	tree->n = tree->room = 0;
	tree->known = tree->looked = tree->filtered = NULL;
}

struct tree_process *tree_process(struct tree *tree, pid_t pid)
{
	for (size_t i = tree->n; i-- > 0;)
		if (tree->at[i].pid == pid)
			return &tree->at[i];
	return NULL;
}

static struct tree_process *tree_add_process(struct tree *tree, pid_t pid)
{
	struct tree_process *p = tree_process(tree, pid);

	if (p)
		return p;
	p = grow((void **)&tree->at, tree->n, &tree->room, sizeof(*p));
	if (!p)
		return NULL;
	tree->n++;
	*p = (struct tree_process){ .pid = pid };
	return p;
}

static struct tracee *tree_add(struct tree *tree, struct tree_process *p, pid_t tid)
{
	struct tracee *t = grow((void **)&p->at, p->n, &p->room, sizeof(*t));

	if (!t)
		return NULL;
	if (tid == p->pid && p->n) {
		memmove(p->at + 1, p->at, p->n * sizeof(*t));
		t = p->at;
	}
	p->n++;
	*t = (struct tracee){ .pid = p->pid, .tid = tid };
	set_bit(tree->known, tid);
	return t;
}

struct tracee *tree_find(struct tree *tree, pid_t pid, pid_t tid)
{
	struct tree_process *p = tree_process(tree, pid);

	for (size_t i = 0; p && i < p->n; i++)
		if (p->at[i].tid == tid && p->at[i].state != TRACEE_GONE)
			return &p->at[i];
	return NULL;
}

/* While the thread still runs freely, if possible: it takes longer than all the rest. */
static void look_first(struct tree *tree, pid_t pid, pid_t tid)
{
	struct explain_look look;

	if (bit(tree->looked, tid))
		return;
	explain_look(pid, tid, &look);
	if (look.ended) /* others may have its id next */
		return;
	set_bit(tree->looked, tid);
	if (look.filtered)
		set_bit(tree->filtered, tid);
	if (look.worker)
		set_bit(tree->known, tid); /* and not to be seized */
}

static int seize_task(struct tree *tree, size_t process, pid_t tid, struct err *err)
{
	struct tree_process *p = &tree->at[process];
	struct tracee t = { .pid = p->pid, .tid = tid }, *added;
	int rc = tracee_seize(&t, tree->follow, tree->deadline, err);

	if (rc == -EINTR)
		return explain_execs(t.pid, tick_now() - tree->asked_ns, err);
	if (rc == -ESRCH) {
		if (tid != p->pid || explain_state(p->pid, tid) != 'Z')
			return 0;
		t.state = TRACEE_ZOMBIE;
	} else if (rc < 0 && rc != -EBUSY) {
		return rc;
	}
	fault_point("park.seized");
	look_first(tree, p->pid, tid); /* where one with its id had ended before */
	t.filtered = t.state == TRACEE_RUNNING && bit(tree->filtered, tid);
	added = tree_add(tree, p, tid);
	if (!added)
		return err_set(err, ENOMEM, "parking process %d", t.pid);
	*added = t;
	return 0;
}

struct dirent_raw { /* struct linux_dirent64 */
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

enum listed {
	LISTED_LOOK, /* only look at them */
	LISTED_OTHERS, /* seize all but the leader */
	LISTED_ALL,
};

/* What /proc/PID/task lists and we do not know. Returns how many were new. */
static int seize_listed(struct tree *tree, size_t process, int dir, enum listed which,
			struct err *err)
{
	OWNED_PTR char *buf = malloc(TREE_DIR_BUF);
	size_t size = which == LISTED_LOOK ? TREE_DIR_BUF : TREE_DIR_FRESH;
	int fresh = 0;
	long n;

	if (!buf)
		return err_set(err, ENOMEM, "parking");
	lseek(dir, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, dir, buf, size)) > 0) {
		for (long at = 0; at < n;) {
			struct dirent_raw *d = (struct dirent_raw *)(void *)(buf + at);
			pid_t tid = procid_meant(atoi(d->name));
			int rc = 0;

			at += d->len;
			if (tid <= 0 || tid >= TREE_PID_MAX || bit(tree->known, tid) ||
			    (which == LISTED_OTHERS && tid == tree->at[process].pid))
				continue;
			look_first(tree, tree->at[process].pid, tid);
			if (bit(tree->known, tid))
				continue;
			if (which != LISTED_LOOK)
				rc = seize_task(tree, process, tid, err);
			if (rc < 0)
				return rc;
			fresh++;
		}
	}
	return fresh;
}

/* What is attached of it already. True where all sleep: then that is all of it, as they make no others. */
static bool take_over(struct tree *tree, size_t process)
{
	struct tree_process *to = &tree->at[process];
	struct tree_process *from = tree->asleep ? tree_process(tree->asleep, to->pid) : NULL;
	bool all = from && from->n && !to->n;

	for (size_t i = 0; from && i < from->n; i++) {
		struct tracee *t = &from->at[i], *added;

		all &= t->asleep;
		added = tree_holds(t) && !bit(tree->known, t->tid) ? tree_add(tree, to, t->tid)
								   : NULL;
		if (!added) {
			all = false;
			continue;
		}
		set_bit(tree->looked, t->tid);
		if (t->filtered)
			set_bit(tree->filtered, t->tid);
		*added = *t;
		t->state = TRACEE_GONE; /* in there */
	}
	for (size_t i = 0; !all && i < to->n; i++)
		to->at[i].asleep = false;
	return all;
}

static int seize_threads(struct tree *tree, size_t process, struct err *err)
{
	pid_t pid = tree->at[process].pid;
	char path[32];
	int rc;

	if (take_over(tree, process))
		return 0;
	procid_path(path, sizeof(path), pid, "task");
	OWNED_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0; /* ended */
	rc = seize_listed(tree, process, dir, LISTED_LOOK, err);
	/*
	 * The leader last, as it is let go first (release.c). Again until nothing is new: who has been seized
	 * makes no thread unnoticed.
	 */
	while (rc > 1)
		rc = seize_listed(tree, process, dir, LISTED_OTHERS, err);
	do {
		rc = rc < 0 ? rc : seize_listed(tree, process, dir, LISTED_ALL, err);
	} while (rc > 0);
	return rc;
}

/*
 * It may not be traced: go on without it and what is below it, if that is wanted, or say that it can be. The
 * root itself cannot be left out. Threads of it that were seized already are let go when they have stopped.
 */
static int leave_out(struct tree *tree, size_t process, struct err *err)
{
	struct tree_process *p = &tree->at[process];

	if (!process)
		return -EPERM;
	if (!tree->skip)
		return explain_can_be_left_out(err);
	p->skipped = true;
	p->why = strdup(err->msg);
	return 0;
}

/* Add the children of all threads of a process. */
static int list_children(struct tree *tree, size_t process, struct err *err)
{
	OWNED_PTR char *buf = malloc(TREE_CHILDREN_BUF);

	if (!buf)
		return err_set(err, ENOMEM, "parking");
	for (size_t i = 0; i < tree->at[process].n && !tree->at[process].skipped; i++) {
		const struct tracee *t = &tree->at[process].at[i];
		long len = explain_read(t->pid, t->tid, "children", buf, TREE_CHILDREN_BUF);
		struct scan text = scan_over(buf, len > 0 ? (size_t)len : 0);
		int32_t child;

		while (task_next_child(&text, &child)) {
			child = procid_meant(child);
			if (child > 0 && !tree_add_process(tree, child))
				return err_set(err, ENOMEM, "parking");
		}
	}
	return 0;
}

/* Those that are watched and have woken do not wait until all are seized. */
static void rouse(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		for (size_t j = 0; j < tree->at[i].n; j++)
			tracee_rouse(&tree->at[i].at[j]);
}

static int seize_from(struct tree *tree, size_t first, struct err *err)
{
	int64_t roused = tick_now(), now;
	int rc = 0;

	for (size_t i = first; i < tree->n && rc >= 0; i++) {
		rc = seize_threads(tree, i, err);
		if (rc == -EPERM)
			rc = leave_out(tree, i, err);
		if (rc >= 0 && tree->follow == TRACEE_CHILDREN)
			rc = list_children(tree, i, err);
		now = tree->asleep ? tick_now() : roused;
		if (now - roused < TREE_ROUSE_NS)
			continue;
		rouse(tree);
		roused = now;
	}
	return rc < 0 ? rc : 0;
}

/* Has it been looked at while it slept, and is attached still? */
static bool is_watched(const struct tree *tree, pid_t pid)
{
	const struct tree_process *p = tree->asleep ? tree_process(tree->asleep, pid) : NULL;

	for (size_t i = 0; p && i < p->n; i++)
		if (tree_holds(&p->at[i]))
			return true;
	return false;
}

/* Our own children: orphans of the computation, but for what we trace (snapshots) or will reap. */
static int list_orphans(struct tree *tree, struct err *err)
{
	OWNED_PTR char *buf = malloc(TREE_CHILDREN_BUF);
	pid_t me = getpid();
	struct scan text;
	int32_t child;
	long len;

	if (!buf)
		return err_set(err, ENOMEM, "parking");
	len = explain_read(me, me, "children", buf, TREE_CHILDREN_BUF);
	text = scan_over(buf, len > 0 ? (size_t)len : 0);
	while (task_next_child(&text, &child)) {
		child = procid_meant(child);
		if (child > 0 && child < TREE_PID_MAX && !bit(tree->known, child) &&
		    child != tree->except &&
		    (is_watched(tree, child) || explain_lives_untraced(child)) &&
		    !tree_add_process(tree, child))
			return err_set(err, ENOMEM, "parking");
	}
	return 0;
}

int tree_seize(struct tree *tree, pid_t root, struct err *err)
{
	size_t done = 0;
	int rc = tree_add_process(tree, root) ? 0 : err_set(err, ENOMEM, "parking");

	for (size_t i = 0; i < tree->nbeside && rc >= 0; i++)
		if ((is_watched(tree, tree->beside[i]) ||
		     explain_lives_untraced(tree->beside[i])) &&
		    !tree_add_process(tree, tree->beside[i]))
			rc = err_set(err, ENOMEM, "parking");
	/* A process may lose its parent before that was seized: look until there is nothing new. */
	while (rc >= 0 && done < tree->n) {
		rc = seize_from(tree, done, err);
		done = tree->n;
		if (rc >= 0 && tree->orphans)
			rc = list_orphans(tree, err);
	}
	if (rc < 0)
		return rc;
	if (tree->at[0].n == 0)
		return err_say(err, ESRCH, "process %d has ended", root);
	return 0;
}

int tree_seize_one(struct tree *tree, pid_t pid, struct err *err)
{
	size_t process = tree->n;

	if (tree_process(tree, pid))
		return err_say(err, EEXIST, "process %d has been looked at", pid);
	if (!tree_add_process(tree, pid))
		return err_set(err, ENOMEM, "parking");
	return seize_threads(tree, process, err);
}

/* Something was born of a thread that we had seized: it is attached and will stop by itself. */
static int adopt(struct tree *tree, pid_t parent, pid_t born, struct err *err)
{
	char path[64];
	struct tree_process *p;
	struct tracee *t;
	bool foreign, skipped;

	if (born <= 0 || born >= TREE_PID_MAX || bit(tree->known, born))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", procid_shown(parent),
		 procid_shown_thread(parent, born));
	foreign = access(path, F_OK) < 0;
	p = tree_process(tree, parent);
	skipped = p && p->skipped;
	if (foreign && tree->follow == TRACEE_CHILDREN) {
		p = tree_add_process(tree, born);
		foreign = false;
	}
	t = p ? tree_add(tree, p, born) : NULL;
	if (!t)
		return err_set(err, ENOMEM, "parking process %d", parent);
	p->skipped = skipped;
	t->foreign = foreign;
	clear_bit(tree->looked, born); /* of another that had the id and has ended */
	clear_bit(tree->filtered, born);
	if (!foreign)
		look_first(tree, t->pid, born);
	t->filtered = !foreign && bit(tree->filtered, born);
	return 0;
}

/* In vfork the parent cannot stop before its child has gone on to another program or ended. */
static bool waits_in_vfork(const struct tracee *t)
{
	char buf[256];
	struct task_syscall call;
	long len = explain_read(t->pid, t->tid, "syscall", buf, sizeof(buf));
	char state = explain_state(t->pid, t->tid);

	if (state != 'D' || len <= 0 || !task_parse_syscall(&call, buf, (size_t)len))
		return false;
	return call.nr == SYS_vfork || call.nr == SYS_clone || call.nr == SYS_clone3;
}

bool tree_detach(const struct tree *tree, struct tracee *t)
{
	if (t->state == TRACEE_STOPPED && !t->mended && !t->foreign && tree->mend)
		tree->mend(t, tree->memory);
	return tracee_detach(t);
}

int tree_event(struct tree *tree, size_t process, size_t i, bool nohang, struct err *err)
{
	struct tracee *t = &tree->at[process].at[i];
	int rc = tracee_wait(t, nohang);

	if (t->state == TRACEE_GONE && t->tid != t->pid) /* its id may be another's next */
		clear_bit(tree->known, t->tid);
	fault_point("park.event");
	if (rc > 0) {
		rc = adopt(tree, t->pid, rc, err);
		t = &tree->at[process].at[i]; /* the arrays may have moved */
	}
	if (t->state == TRACEE_STOPPED && (t->foreign || tree->at[process].skipped))
		tree_detach(tree, t);
	return rc;
}

/* The children of a thread in vfork run on for a while, so that it comes back. */
static void let_child_run(struct tree *tree, const struct tracee *parent, struct err *err)
{
	char buf[256];
	long len = explain_read(parent->pid, parent->tid, "children", buf, sizeof(buf));
	struct scan text = scan_over(buf, len > 0 ? (size_t)len : 0);
	int32_t pid;

	while (task_next_child(&text, &pid)) {
		const struct tree_process *p = tree_process(tree, procid_meant(pid));
		size_t i = p ? (size_t)(p - tree->at) : tree->n;

		for (size_t j = 0; i < tree->n && j < tree->at[i].n; j++) {
			if (tree->at[i].at[j].state == TRACEE_RUNNING)
				tree_event(tree, i, j, true, err);
			tracee_resume(&tree->at[i].at[j]);
		}
	}
}

/* What else there is to take from the threads of this process: an execve waits for their ends. */
static int sweep(struct tree *tree, size_t process, struct err *err)
{
	int rc = 0;

	for (size_t j = 0; j < tree->at[process].n; j++) {
		enum tracee_state state = tree->at[process].at[j].state;

		if (state != TRACEE_RUNNING && state != TRACEE_STOPPED)
			continue;
		rc = tree_event(tree, process, j, true, err);
		if (rc < 0 && rc != -EAGAIN && rc != -EINTR)
			return rc;
	}
	return 0;
}

/* It takes long: find out why. */
static int look_at(struct tree *tree, size_t process, size_t i, struct err *err)
{
	struct tracee *t = &tree->at[process].at[i];
	int64_t now = tick_now();

	if (t->tid == t->pid && explain_state(t->pid, t->tid) == 'Z') {
		t->state = TRACEE_ZOMBIE;
		return 0;
	}
	if (waits_in_vfork(t)) {
		if (now - t->waited_since > tree_vfork_grace_ns)
			t->state = TRACEE_VFORK;
		else
			let_child_run(tree, t, err);
		return 0;
	}
	if (now > tree->deadline)
		return explain_stuck(t->pid, t->tid, now - tree->asked_ns, err);
	return sweep(tree, process, err);
}

static int stop_one(struct tree *tree, size_t process, size_t i, struct err *err)
{
	struct tracee *t = &tree->at[process].at[i];
	int rc = 0;

	t->waited_since = tick_now();
	if (t->state == TRACEE_RUNNING && t->resumed)
		tracee_interrupt(t);
	while (rc >= 0 && tree->at[process].at[i].state == TRACEE_RUNNING) {
		rc = tree_event(tree, process, i, false, err);
		if (rc == -EINTR)
			rc = look_at(tree, process, i, err);
	}
	return rc;
}

/*
 * A thread that stands in the vdso runs on for a moment, until it is found outside: most are at once. One
 * that does nothing but ask for the time is in there nearly always.
 */
static int leave_vdso(struct tree *tree, size_t process, size_t i, struct err *err)
{
	int64_t until = tree->began_ns + tree_vdso_grace_ns;
	const struct timespec moment = { .tv_nsec = TREE_MOMENT_NS };
	int rc = 0;

	while (rc >= 0 && tick_now() < until) {
		struct tracee *t = &tree->at[process].at[i];

		if (t->state != TRACEE_STOPPED || t->group_stopped || !vdso_is_around(t->tid))
			break;
		tracee_resume(t);
		nanosleep(&moment, NULL);
		rc = stop_one(tree, process, i, err);
	}
	return rc;
}

/* The leader last: in an execve it waits until its threads have been reaped. */
static int stop_process(struct tree *tree, size_t process, struct err *err)
{
	size_t n;
	int rc = 0;

	do {
		n = tree->at[process].n;
		for (size_t j = n; j-- > 0 && rc >= 0;)
			rc = stop_one(tree, process, j, err);
		for (size_t j = n; j-- > 0 && rc >= 0;)
			rc = leave_vdso(tree, process, j, err);
	} while (rc >= 0 && tree->at[process].n != n);
	return rc;
}

/* Those that are watched stop twice, and are all sent on from the first before one is waited for. */
static void send_on(struct tree *tree, size_t first)
{
	for (size_t i = first; i < tree->n; i++)
		for (size_t j = 0; j < tree->at[i].n; j++)
			if (tree->at[i].at[j].watched)
				tree_event(tree, i, j, false, NULL);
}

/*
 * The leader of each last: a signal to the process then interrupts a thread that is on its way to a stop,
 * where its call is begun anew, be it another thread that gets the signal.
 */
int tree_stop_from(struct tree *tree, size_t first, struct err *err)
{
	int rc = 0;

	for (size_t i = first; i < tree->n; i++)
		for (size_t j = tree->at[i].n; j-- > 0;)
			if (tree->at[i].at[j].state == TRACEE_RUNNING)
				tracee_interrupt(&tree->at[i].at[j]);
	send_on(tree, first);
	fault_point("park.interrupted");
	for (size_t i = first; i < tree->n && rc >= 0; i++)
		rc = stop_process(tree, i, err);
	return rc;
}

/*
 * A list of children that is read while some of them end leaves out others. Now that those we know stand
 * still, or have ended, whom do they have or have left to us that we do not know? Again, as long as there is
 * somebody.
 */
static int stop_missed(struct tree *tree, struct err *err)
{
	size_t known, from = 0;
	int rc = 0;

	do {
		known = tree->n;
		for (size_t i = from; i < known && rc >= 0; i++)
			rc = list_children(tree, i, err);
		if (rc >= 0 && tree->orphans)
			rc = list_orphans(tree, err);
		if (rc >= 0)
			rc = seize_from(tree, known, err);
		if (rc >= 0)
			rc = tree_stop_from(tree, known, err);
		from = known;
	} while (rc >= 0 && tree->n != known);
	return rc;
}

int tree_stop(struct tree *tree, struct err *err)
{
	int rc;

	tree->began_ns = tick_now();
	rc = tree_stop_from(tree, 0, err);
	if (rc >= 0 && tree->follow == TRACEE_CHILDREN)
		rc = stop_missed(tree, err);
	fault_point("park.stopped");
	return rc;
}
