/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the old ids are free: here, by choice (direct) or by waiting until they come round (cycle), or in
 * namespaces of our own.
 *
 * In all of them the agent gets the id that the root's parent had, so that getppid() stays true. A daemon's
 * was process 1, which the agent is in namespaces of its own; elsewhere it is any. Each way is tried, not
 * judged by version or privilege.
 */
#include "base/owned.h"
#include "host/fault.h"
#include "host/log.h"
#include "host/proc.h"
#include "host/terminal.h"
#include "res/mqueue.h"
#include "res/res.h"
#include "res/sysv.h"
#include "restart/cycle.h"
#include "restart/front.h"
#include "restart/namespace.h"
#include "restart/restart.h"
#include "restart/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	IDS_TICK_NS = 5 * 1000000,
	/* Either lets ids be chosen (linux/capability.h). */
	IDS_CAP_SYS_ADMIN = 21,
	IDS_CAP_CHECKPOINT_RESTORE = 40,
};
static const int64_t ids_patience_ns = 2 * INT64_C(1000000000);

struct ids {
	struct image_reader *const *images;
	size_t n;
	const struct img_process *root;
	pid_t limit; /* kernel.pid_max of who called, or 0 */
	int ready; /* where the agent-to-be says why it could not; closed when it could */
};

/* Is this very process what the agent must be? The first process of a container often is. */
static bool ids_in_place(const struct ids *s)
{
	return s->root->ppid == getpid();
}

/* Had the root lost its parent? Then it is not said whose child it is. */
static bool ids_lost(const struct ids *s)
{
	return s->root->ppid <= 1 && !ids_in_place(s);
}

static const struct model *ids_model(const struct ids *s, size_t i)
{
	return image_reader_model(s->images[i]);
}

const char *ids_strategy_name(enum ids_strategy strategy)
{
	static const char *const names[] = { "auto", "direct", "namespace", "cycle" };

	return names[strategy];
}

static bool ids_taken(pid_t id)
{
	return kill(id, 0) == 0 || errno != ESRCH || kill(-id, 0) == 0 || errno != ESRCH;
}

static int64_t ids_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* For long: not by one who was killed just now, and whom a system's first process reaps at its leisure. */
static bool ids_stays_taken(pid_t id, int64_t until)
{
	while (ids_taken(id)) {
		if (proc_state(id) != 'Z' || ids_clock() >= until)
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = IDS_TICK_NS }, NULL);
	}
	return false;
}

static bool ids_in_tree(const struct ids *s, pid_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (ids_model(s, i)->process.pid == id)
			return true;
	return false;
}

/*
 * Groups and sessions inside whose leaders have gone. The root's own may be the shell's that it was started
 * from, or of the script around it: there a restart takes what it finds.
 */
static int ids_check_groups(const struct ids *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct img_process *p = &ids_model(s, i)->process;
		const pid_t ids[] = { p->pgid, p->sid };

		for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++)
			if (ids[k] > 0 && ids[k] != s->root->pgid && ids[k] != s->root->sid &&
			    !ids_in_tree(s, ids[k]) && ids_taken(ids[k]))
				return err_say(err, EEXIST, "id %d (of a group) is taken", ids[k]);
	}
	return 0;
}

static pid_t ids_highest(const struct ids *s)
{
	pid_t highest = s->root->ppid;

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < ids_model(s, i)->threads.n; k++)
			if (ids_model(s, i)->threads.at[k].tid > highest)
				highest = ids_model(s, i)->threads.at[k].tid;
	return highest;
}

/* Other machines, and namespaces, may give higher ids than this one. */
static int ids_check_limit(const struct ids *s, struct err *err)
{
	pid_t highest = ids_highest(s), limit = namespace_id_limit();

	if (!limit || highest < limit)
		return 0;
	return err_say(err, EINVAL,
		       "id %d is too high for this machine: its kernel.pid_max is %d and can be "
		       "raised (sysctl)",
		       highest, limit);
}

/* Is every id free here? A group or session whose leader has gone holds its id as well. */
static int ids_check_free(const struct ids *s, struct err *err)
{
	bool may = proc_has_cap(IDS_CAP_SYS_ADMIN) || proc_has_cap(IDS_CAP_CHECKPOINT_RESTORE);
	int64_t until = may ? ids_clock() + ids_patience_ns : 0;

	if (!ids_in_place(s) && !ids_lost(s) && ids_taken(s->root->ppid))
		return err_say(err, EEXIST, "id %d (the agent's) is taken", s->root->ppid);
	for (size_t i = 0; i < s->n; i++) {
		const struct model *m = ids_model(s, i);

		/* One that has ended has no threads, but an id. */
		if (ids_stays_taken(m->process.pid, until))
			return err_say(err, EEXIST, "id %d is taken", m->process.pid);
		for (size_t k = 0; k < m->threads.n; k++)
			if (ids_stays_taken(m->threads.at[k].tid, until))
				return err_say(err, EEXIST, "id %d is taken", m->threads.at[k].tid);
	}
	return ids_check_groups(s, err);
}

/* In a place without a time namespace, the monotonic clock must not have been further on. */
static int ids_check_clock(const struct ids *s, struct err *err)
{
	if (ids_clock() < ids_model(s, 0)->machine.monotonic_ns)
		return err_say(err, EINVAL, "the monotonic clock would run backwards");
	return 0;
}

static bool ids_needs_ipc(const struct ids *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (ids_model(s, i)->sysv.n || mqueue_any(ids_model(s, i)))
			return true;
	return false;
}

/* System V objects have ids as well, and message queues names. */
static int ids_check_ipc(const struct ids *s, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < s->n; i++) {
		rc = sysv_check_free(ids_model(s, i), err);
		if (rc >= 0)
			rc = mqueue_check_free(ids_model(s, i), err);
	}
	return rc;
}

static bool ids_has_terminal(void)
{
	OWNED_FD int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	return tty >= 0;
}

/*
 * Fork the agent with its old id. The old session, where it lay outside the computation and this restart has
 * no terminal to stay with, is begun again by a short-lived process of that id between the two.
 */
static pid_t ids_fork_agent(const struct ids *s, pid_t want)
{
	pid_t sid = s->root->sid;
	pid_t between;

	if (sid <= 0 || sid == want || sid == getsid(0) || ids_in_tree(s, sid) ||
	    ids_has_terminal())
		return spawn_fork(want, 0, SIGCHLD);
	between = spawn_fork(sid, 0, SIGCHLD);
	if (between < 0) /* taken: the restart's own session will do */
		return spawn_fork(want, 0, SIGCHLD);
	if (between == 0) {
		pid_t agent;

		setsid();
		agent = spawn_fork(want, CLONE_PARENT, 0);
		if (agent == 0)
			return 0;
		_exit(agent < 0 ? -agent : 0);
	}
	between = spawn_wait(between);
	return between ? -(WIFEXITED(between) ? WEXITSTATUS(between) : ECHILD) : want;
}

/* An id for it that is free: that of a child which has ended. */
static pid_t ids_find_free(const struct ids *s)
{
	pid_t pid = spawn_fork_beside(s->images, s->n);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		spawn_wait(pid);
	return pid;
}

/* Process 1 of a namespace ends when no id in there is in use: it must not hold that of a group. */
static void ids_enter_group(const struct ids *s)
{
	pid_t pgid = s->root->pgid;

	if (s->root->sid == getpid() && !ids_has_terminal())
		setsid();
	if (pgid == getpid())
		setpgid(0, 0);
	else if (pgid > 0 && !ids_in_tree(s, pgid) && getpid() != 1)
		spawn_join_group(pgid); /* where it cannot be had: the front's group */
}

/* Where the agent need not be made: may ids be chosen here? The one of a child that has ended is free. */
static pid_t ids_try_choice(void)
{
	pid_t pid = spawn_fork(0, 0, SIGCHLD);

	for (int i = 0; i < 2; i++) {
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			spawn_wait(pid);
		if (pid > 0 && i == 0)
			pid = spawn_fork(pid, 0, SIGCHLD);
	}
	return pid < 0 ? pid : 0;
}

static int ids_direct(const struct ids *s, struct err *err)
{
	int rc = ids_check_limit(s, err);
	pid_t pid = s->root->ppid;

	if (rc >= 0)
		rc = ids_check_free(s, err);
	if (rc >= 0)
		rc = ids_check_clock(s, err);
	if (rc >= 0)
		rc = ids_check_ipc(s, err);
	if (rc < 0)
		return rc;
	if (ids_lost(s))
		pid = ids_find_free(s);
	if (pid > 0)
		pid = ids_in_place(s) ? ids_try_choice() : ids_fork_agent(s, pid);
	if (pid < 0)
		return err_set(err, pid, "clone3 with a chosen id");
	if (pid == 0)
		fault_point("restart.direct");
	return pid;
}

/* Can each of the ids still come round? */
static int ids_check_round(const struct ids *s, struct err *err)
{
	int rc = 0;

	if (!ids_in_place(s) && !ids_lost(s))
		rc = cycle_check(s->root->ppid, err);
	for (size_t i = 0; rc >= 0 && i < s->n; i++)
		for (size_t k = 0; rc >= 0 && k < ids_model(s, i)->threads.n; k++)
			rc = cycle_check(ids_model(s, i)->threads.at[k].tid, err);
	return rc;
}

static int ids_cycle(const struct ids *s, struct err *err)
{
	int rc = ids_check_limit(s, err);
	pid_t pid;

	if (rc >= 0)
		rc = ids_check_round(s, err);
	if (rc >= 0)
		rc = ids_check_clock(s, err);
	if (rc >= 0)
		rc = ids_check_ipc(s, err);
	if (rc < 0 || ids_in_place(s))
		return rc;
	pid = ids_lost(s) ? spawn_fork_beside(s->images, s->n)
			  : cycle_fork(s->root->ppid, 0, 0, SIGCHLD);
	if (pid < 0)
		return err_set(err, pid, "take id %d when it comes round", s->root->ppid);
	return pid;
}

/* pid 1 of the new namespaces; comes back in the agent. */
static int ids_inside(const struct ids *s)
{
	pid_t highest = ids_highest(s), pid;
	struct err err = ERR_INIT;
	int rc;

	rc = namespace_enter(&ids_model(s, 0)->machine, &err);
	/* As around it: with higher ids the next checkpoint could be restarted in namespaces only. */
	if (rc >= 0 && highest < s->limit)
		namespace_set_id_limit(s->limit);
	if (rc >= 0)
		rc = ids_check_limit(s, &err);
	if (rc >= 0)
		namespace_set_last_id(highest);
	pid = rc < 0 ? rc : s->root->ppid <= 1 ? 0 : ids_fork_agent(s, s->root->ppid);
	if (pid == 0)
		return 0;
	if (pid < 0) {
		if (rc >= 0)
			err_set(&err, pid, "make the agent with id %d in a new namespace",
				s->root->ppid);
		(void)!write(s->ready, &err, sizeof(err));
		_exit(1);
	}
	namespace_reap();
}

static int ids_namespace(const struct ids *s, struct err *err)
{
	pid_t pid;

	if (ids_in_tree(s, 1))
		return err_say(err, ENOTSUP, "process 1 of a container cannot be restarted yet");
	pid = namespace_fork(ids_needs_ipc(s));
	if (pid < 0)
		return err_set(err, pid, "new namespaces");
	return pid == 0 ? ids_inside(s) : pid;
}

/* In the first process: did the other side come up? */
static int ids_await(int ready, struct err *err)
{
	struct err why;

	if (read(ready, &why, sizeof(why)) != sizeof(why))
		return 0;
	*err = why;
	return -why.num;
}

/* Each returns 0 in the agent, its id in the process that came here, or -errno. */
static int (*const ids_ways[])(const struct ids *, struct err *) = {
	[IDS_DIRECT] = ids_direct,
	[IDS_NAMESPACE] = ids_namespace,
	[IDS_CYCLE] = ids_cycle,
};

static int ids_try(struct ids *s, enum ids_strategy strategy, struct err *err)
{
	int ready[2];
	int rc;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	s->ready = ready[1];
	rc = ids_ways[strategy](s, err);
	close(ready[1]);
	if (rc > 0) {
		int failed = ids_await(ready[0], err);

		rc = failed < 0 ? failed : rc;
	}
	close(ready[0]);
	if (rc == 0)
		ids_enter_group(s);
	return rc;
}

/* From @first on, in the order of enum ids_strategy. */
static int ids_choose(struct ids *s, enum ids_strategy wanted, enum ids_strategy first,
		      enum ids_strategy *chosen, struct err *err)
{
	struct err why[IDS_CYCLE + 1] = { 0 };

	for (enum ids_strategy i = IDS_DIRECT; i < first; i++)
		err_say(&why[i], EEXIST, "what was free a moment ago is taken");
	for (*chosen = first; *chosen <= IDS_CYCLE; ++*chosen) {
		int rc;

		if (wanted != IDS_AUTO && wanted != *chosen)
			continue;
		rc = ids_try(s, *chosen, &why[*chosen]);
		if (rc >= 0)
			return rc;
		log_debug("ids", "%s: %s", ids_strategy_name(*chosen), why[*chosen].msg);
	}
	if (wanted != IDS_AUTO) {
		*err = why[wanted];
		return err_add(err, "ids cannot be had here");
	}
	return err_say(err, why[IDS_NAMESPACE].num,
		       "ids cannot be had here (%.200s), nor in a namespace (%.200s), nor by "
		       "cycling (%.200s)",
		       why[IDS_DIRECT].msg, why[IDS_NAMESPACE].msg, why[IDS_CYCLE].msg);
}

/* Who had no parent is a child of the agent, as this process is now. */
static void ids_take_lost(const struct ids *s)
{
	pid_t lost = s->root->ppid;

	for (size_t i = 0; i < s->n; i++)
		if (ids_model(s, i)->process.ppid == lost)
			image_reader_set_parent(s->images[i], getpid());
}

/* What an agent that was killed leaves behind, where that was not in namespaces of its own. */
static void ids_clear(const void *data)
{
	const struct ids *s = data;

	for (size_t i = 0; i < s->n; i++) {
		sysv_clear(ids_model(s, i));
		mqueue_clear(ids_model(s, i));
	}
}

/* The process that was called: it returns only where all is to be begun anew. */
static void ids_be_front(const struct ids *s, int line, const struct restart_place *place,
			 pid_t child, int subreaper, const struct restart_options *options)
{
	bool direct = place->strategy != IDS_NAMESPACE;
	OWNED_PTR pid_t *pids = calloc(s->n, sizeof(*pids));
	const struct front_building building = {
		.command = "cairn restart",
		.child = child,
		.namespace = !direct,
		.pids = pids,
		.npids = direct && pids ? s->n : 0,
		.subreaper = subreaper,
		.ends = options->ends,
		.given_up = options->given_up,
		.data = options->data,
		.stop_signals = options->stop_signals,
		.clear = direct ? ids_clear : NULL,
		.clear_data = s,
		.progress = place->progress,
	};

	for (size_t i = 0; i < building.npids; i++)
		pids[i] = ids_model(s, i)->process.pid;
	front_rebuild(line, place->foreground, &building);
}

static struct front_progress *ids_share_progress(void)
{
	void *at = mmap(NULL, sizeof(struct front_progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* In the agent, with its end of the line; @here: the process that was called. */
static void ids_take_place(struct ids *s, const int line[2], pid_t here,
			   struct restart_place *place)
{
	bool front = place->strategy == IDS_NAMESPACE || getpid() != here;

	close(line[0]);
	place->front_fd = front ? line[1] : -1;
	if (ids_lost(s))
		ids_take_lost(s);
	if (!front)
		close(line[1]);
}

/* By one of the ways from @first on. In the process that was called: 1 where all is to be begun anew. */
static int ids_place_from(struct ids *s, enum ids_strategy first,
			  const struct restart_options *options, int subreaper,
			  struct restart_place *place, struct err *err)
{
	pid_t here = getpid();
	int line[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return err_set(err, errno, "line between front and agent");
	rc = ids_choose(s, options->strategy, first, &place->strategy, err);
	if (rc == 0) {
		ids_take_place(s, line, here, place);
		return 0;
	}
	close(line[1]);
	if (rc < 0) {
		close(line[0]);
		return rc;
	}
	ids_be_front(s, line[0], place, rc, subreaper, options);
	return 1;
}

int ids_place(struct image_reader *const *images, size_t n, const struct restart_options *options,
	      struct restart_place *place, struct err *err)
{
	struct ids s = { .images = images,
			 .n = n,
			 .limit = namespace_id_limit(),
			 .root = &image_reader_model(images[0])->process };
	sigset_t all, before;
	int subreaper, rc;

	for (size_t i = 0; i < n; i++)
		if (ids_model(&s, i)->process.flags & IMG_PROC_ROOT)
			s.root = &ids_model(&s, i)->process;
	place->foreground = terminal_is_ours();
	place->progress = ids_share_progress();
	/* The program may run, and be signalled through us, before we have come to front_rebuild. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* Nor may the agent have died before we are the one that its orphans come to. */
	subreaper = front_begin();
	rc = ids_place_from(&s, IDS_DIRECT, options, subreaper, place, err);
	if (rc > 0)
		rc = ids_place_from(&s, IDS_NAMESPACE, options, subreaper, place, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, subreaper);
	return rc;
}
