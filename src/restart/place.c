/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/place.h"

#include "base/sys.h"
#include "restart/cycle.h"
#include "restart/spawn.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kin *place_process(const struct child_context *c, size_t index)
{
	return &c->kin.at[index];
}

static void place_tell(uint32_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	sys3(__NR_futex, word, FUTEX_WAKE, INT32_MAX);
}

/* Until somebody tells. If they never get there, the agent ends us all. */
static void place_await(uint32_t *word)
{
	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		sys4(__NR_futex, word, FUTEX_WAIT, 0, NULL);
}

static pid_t place_fork_one(struct child_context *c, size_t index, uint64_t flags, struct err *err)
{
	pid_t id = place_process(c, index)->pid;
	int64_t shared = sharing_fork(c->sharing, index);
	pid_t pid = shared < 0 ? (pid_t)shared : child_fork(c, index, flags | (uint64_t)shared);

	if (pid == -EBUSY)
		return err_say(err, EBUSY, "others take id %d whenever it comes round", id);
	return pid < 0 ? err_set(err, pid, "make process %d", id) : pid;
}

/* Fork all of @parent's that are to be born so; in session @sid, where that is not 0. */
static int place_fork(struct child_context *c, pid_t parent, enum kin_birth birth, pid_t sid,
		      struct err *err)
{
	bool sister = birth == KIN_BESIDE || birth == KIN_ENDED;

	for (size_t at = 0; at < c->n; at++) {
		size_t i = sharing_at(c->sharing, at);
		const struct kin *p = place_process(c, i);
		pid_t pid;

		if ((parent && p->ppid != parent) || (sid && kin_born_in(&c->kin, i) != sid) ||
		    kin_birth(&c->kin, i) != birth)
			continue;
		pid = place_fork_one(c, i, sister ? CLONE_PARENT : 0, err);
		if (pid < 0)
			return pid;
		if (birth != KIN_LEADER)
			place_tell(&c->boards[i].ours);
	}
	return 0;
}

/* Of a process that makes others and ends. */
static int place_await_maker(pid_t pid, pid_t sid, struct err *err)
{
	int status = spawn_wait(pid);

	if (!status)
		return 0;
	return err_set(err, WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD,
		       "make the processes of session %d", sid);
}

/* Whose children those who have fallen from session @sid to others than @parent were; @birth as theirs. */
static void place_tell_fallen(struct child_context *c, pid_t parent, enum kin_birth birth,
			      pid_t sid)
{
	for (size_t i = 0; i < c->n; i++)
		if (kin_born_in(&c->kin, i) == sid && kin_birth(&c->kin, i) == birth &&
		    place_process(c, i)->ppid != parent)
			place_tell(&c->boards[i].ours);
}

/* As the leader of session @sid, which is to end: by a child that ends, those who are not @parent's. */
static int place_fork_fallen(struct child_context *c, pid_t parent, pid_t sid, struct err *err)
{
	bool any = false;
	int64_t flags;
	size_t node;
	pid_t pid;
	int rc = 0;

	for (size_t i = 0; i < c->n; i++)
		any |= kin_is_ended(&c->kin, i, sid) && place_process(c, i)->ppid != parent;
	if (!any)
		return 0;
	node = sharing_fallen(c->sharing, kin_first_ended(&c->kin, sid));
	flags = sharing_fork(c->sharing, node);
	pid = flags < 0 ? (pid_t)flags : spawn_fork(0, (uint64_t)flags, SIGCHLD);
	if (pid < 0)
		return err_set(err, pid, "make the processes of session %d", sid);
	if (pid)
		return place_await_maker(pid, sid, err);
	sharing_born(c->sharing, node);
	for (size_t at = 0; rc >= 0 && at < c->n; at++) {
		size_t i = sharing_at(c->sharing, at);

		if (kin_is_ended(&c->kin, i, sid) && place_process(c, i)->ppid != parent)
			rc = place_fork_one(c, i, 0, err);
	}
	sharing_settle(c->sharing, node);
	_exit(rc < 0 ? err->num : 0);
}

static size_t place_between(const struct child_context *c, enum kin_birth birth, pid_t sid)
{
	if (birth == KIN_ENDED)
		return sharing_ended(c->sharing, kin_first_ended(&c->kin, sid));
	return sharing_leader(c->sharing, (size_t)kin_find(&c->kin, sid));
}

/* Those who fall to the next subreaper above us do so only when it has made those who have fallen past it. */
static void place_await_reaper(struct child_context *c)
{
	int index = kin_find(&c->kin, getpid());

	while (index >= 0) {
		index = kin_find(&c->kin, place_process(c, (size_t)index)->ppid);
		if (index < 0 || !(place_process(c, (size_t)index)->flags & IMG_PROC_SUBREAPER))
			continue;
		place_await(&c->boards[index].reaps);
		return;
	}
}

/*
 * The same by a process in between, which ends. It is the leader of session @sid where that has ended
 * (@birth KIN_ENDED), and they are our children like it, if not another's; else its leader's child, and
 * they fall to the nearest subreaper above.
 */
static int place_fork_between(struct child_context *c, pid_t parent, enum kin_birth birth,
			      pid_t sid, struct err *err)
{
	size_t node = place_between(c, birth, sid);
	int64_t flags;
	pid_t pid;
	int rc;

	place_await_reaper(c);
	flags = sharing_fork(c->sharing, node);
	if (flags < 0)
		return err_set(err, (int)flags, "begin session %d", sid);
	/* With that signal as any fork: so the kernel has the agent trace it, and those it makes. */
	pid = spawn_fork(birth == KIN_ENDED ? sid : 0, (uint64_t)flags, SIGCHLD);
	if (pid == 0) {
		sharing_born(c->sharing, node);
		if (birth == KIN_ENDED)
			setsid();
		rc = place_fork(c, parent, birth, sid, err);
		if (rc >= 0 && birth == KIN_ENDED)
			rc = place_fork_fallen(c, parent, sid, err);
		sharing_settle(c->sharing, node);
		_exit(rc < 0 ? err->num : 0);
	}
	if (pid < 0)
		return err_set(err, pid, "begin session %d", sid);
	rc = place_await_maker(pid, sid, err);
	if (rc >= 0)
		place_tell_fallen(c, parent, birth, sid);
	return rc;
}

/* Session by session, those whose leader has ended and whom @parent is to make: some are its own. */
static int place_fork_ended(struct child_context *c, pid_t parent, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < c->n; i++) {
		bool first = place_process(c, i)->ppid == parent &&
			     kin_birth(&c->kin, i) == KIN_ENDED &&
			     kin_ended_maker(&c->kin, kin_born_in(&c->kin, i)) == parent;

		for (size_t k = 0; first && k < i; k++)
			first = place_process(c, k)->ppid != parent ||
				!kin_is_ended(&c->kin, k, kin_born_in(&c->kin, i));
		if (first)
			rc = place_fork_between(c, parent, KIN_ENDED, kin_born_in(&c->kin, i), err);
	}
	return rc;
}

static bool place_hosts(const struct child_context *c, pid_t sid, enum kin_birth birth)
{
	for (size_t i = 0; i < c->n; i++)
		if (kin_born_in(&c->kin, i) == sid && kin_birth(&c->kin, i) == birth)
			return true;
	return false;
}

/* The agent's, each when its id comes round. */
static int place_fork_top_in_turn(struct child_context *c, struct err *err)
{
	const struct order_slot *s;

	while ((s = order_await(c->order, ORDER_AGENT))) {
		pid_t pid = place_fork_one(c, (size_t)s->process, 0, err);

		if (pid < 0)
			return pid;
		order_advance(c->order);
	}
	return 0;
}

pid_t place_fork_only(struct child_context *c, size_t index, struct err *err)
{
	pid_t pid = place_fork_one(c, index, 0, err);

	if (pid > 0 && c->order)
		order_advance(c->order);
	return pid;
}

int place_check_order(const struct child_context *c, struct err *err)
{
	if (sharing_moves(c->sharing))
		return err_say(
			err, ENOTSUP,
			"processes share descriptors or a directory (clone) with others than "
			"their parents: those cannot be had by waiting until their ids come "
			"round");
	for (size_t i = 0; i < c->n; i++)
		if (kin_birth(&c->kin, i) >= KIN_LEADER)
			return err_say(
				err, ENOTSUP,
				"process %d is in session %d, which its parent is not in: such ids "
				"cannot be had by waiting until they come round",
				place_process(c, i)->pid, kin_born_in(&c->kin, i));
	return 0;
}

int place_fork_top(struct child_context *c, pid_t agent, struct err *err)
{
	int rc =
		c->order ? place_fork_top_in_turn(c, err) : place_fork(c, agent, KIN_AFTER, 0, err);

	if (rc >= 0 && !c->order)
		rc = place_fork_ended(c, agent, err);
	if (rc >= 0 && sharing_settle(c->sharing, sharing_top(c->sharing)) < 0)
		rc = err_set(err, EPERM, "leave what processes share");
	return rc;
}

void place_await_child(struct child_context *c, size_t index)
{
	place_await(&c->boards[index].ours);
}

void place_await_process(struct child_context *c, pid_t pid)
{
	int index = kin_find(&c->kin, pid);

	if (index >= 0)
		place_await(&c->boards[index].placed);
}

/* Whoever can be asked to join a group: its leader, else the first of its members. */
static int place_anchor(const struct child_context *c, pid_t pgid, pid_t sid)
{
	int leader = kin_find(&c->kin, pgid);

	for (size_t i = 0; leader < 0 && i < c->n; i++)
		if (place_process(c, i)->pgid == pgid && place_process(c, i)->sid == sid)
			leader = (int)i;
	return leader;
}

/*
 * A process may leave the group that it leads for another of its session, and others stay behind. One of
 * those whom process @index has left so, or KIN_NONE.
 */
static int place_heir(const struct child_context *c, size_t index)
{
	const struct kin *p = place_process(c, index);

	for (size_t i = 0; p->pgid != p->pid && i < c->n; i++)
		if (place_process(c, i)->pgid == p->pid)
			return (int)i;
	return KIN_NONE;
}

/* Lead the group that we have left until an heir is in it: one who need not wait for us to be in our own. */
static void place_lead_once(struct child_context *c, size_t index)
{
	int heir = place_heir(c, index), last = heir;

	if (heir < 0)
		return;
	setpgid(0, 0);
	place_tell(&c->boards[index].leads);
	for (size_t i = 0; last >= 0 && last != (int)index && i < c->n; i++)
		last = place_heir(c, (size_t)last);
	if (last < 0)
		place_await(&c->boards[heir].placed);
}

static int place_join(struct child_context *c, size_t index, struct err *err)
{
	const struct kin *p = place_process(c, index);
	int anchor = place_anchor(c, p->pgid, p->sid);
	bool leads = place_process(c, (size_t)anchor)->pgid == p->pgid;

	if (anchor == (int)index) {
		/* Where that cannot be had, as the group of a shell's job: the agent's. */
		spawn_join_group(p->pgid);
		return 0;
	}
	place_await(leads ? &c->boards[anchor].placed : &c->boards[anchor].leads);
	if (getpgrp() == p->pgid || setpgid(0, p->pgid) == 0 ||
	    (leads && getpgid(place_process(c, (size_t)anchor)->pid) == getpgrp()))
		return 0;
	return err_set(err, errno, "join process group %d", p->pgid);
}

/* Its own session, if it has one. */
static int place_begin_session(struct child_context *c, size_t index, struct err *err)
{
	const struct kin *p = place_process(c, index);

	if (p->sid != p->pid || getsid(0) == p->pid)
		return 0;
	setsid();
	return p->flags & IMG_PROC_ZOMBIE ? 0 : res_pty_control(c->res, p->sid, err);
}

/*
 * Those of our session who fall past us had no parent any more before we became a subreaper: for their making
 * we are none.
 */
static int place_fork_past(struct child_context *c, size_t index, struct err *err)
{
	const struct kin *p = place_process(c, index);
	int rc;

	if (p->flags & IMG_PROC_SUBREAPER)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	rc = place_fork_between(c, 0, KIN_LEADER, p->sid, err);
	if (p->flags & IMG_PROC_SUBREAPER)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	return rc;
}

static int place_session(struct child_context *c, size_t index, struct err *err)
{
	const struct kin *p = place_process(c, index);
	int rc = place_fork(c, p->pid, KIN_BEFORE, 0, err);

	if (rc >= 0)
		rc = place_begin_session(c, index, err);
	if (rc >= 0)
		rc = place_fork(c, p->pid, KIN_AFTER, 0, err);
	if (rc >= 0 && p->sid == p->pid && place_hosts(c, p->sid, KIN_BESIDE))
		rc = place_fork(c, p->ppid, KIN_BESIDE, p->sid, err);
	if (rc >= 0 && p->sid == p->pid && place_hosts(c, p->sid, KIN_LEADER))
		rc = place_fork_past(c, index, err);
	return rc < 0 ? rc : place_fork_ended(c, p->pid, err);
}

static int place_start_thread(const struct child_context *c, struct rebuild *b,
			      const struct order_slot *s, struct err *err)
{
	struct plan_thread *t = &b->early[s->thread - 1];
	struct plan_header *h = b->plan.header;
	int rc = cycle_start(&(struct cycle_thread){
		.want = s->id,
		.last = order_last(c->order),
		.top = (char *)plan_thread_stack(&b->plan, s->thread - 1) + PLAN_STACK_THREAD,
		.entry = (void (*)(void *, void *))h->code,
		.a = h,
		.b = t,
		.state = &t->early,
	});

	return rc < 0 ? err_set(err, rc, "make thread %d", s->id) : 0;
}

/* As place_session, each when its id comes round, and threads too (restart/order.h). */
static int place_in_turn(struct child_context *c, size_t index, struct rebuild *b, struct err *err)
{
	const struct order_slot *s;
	int rc = 0;

	while (rc >= 0 && (s = order_await(c->order, (int32_t)index))) {
		if (!s->thread && kin_birth(&c->kin, (size_t)s->process) == KIN_AFTER)
			rc = place_begin_session(c, index, err);
		if (rc >= 0)
			rc = s->thread ? place_start_thread(c, b, s, err)
				       : place_fork_one(c, (size_t)s->process, 0, err);
		if (rc >= 0 && !s->thread)
			place_tell(&c->boards[s->process].ours);
		if (rc >= 0)
			order_advance(c->order);
	}
	return rc < 0 ? rc : place_begin_session(c, index, err);
}

/* Its session's terminal as it was, once the group that had it is there. */
static void place_foreground(struct child_context *c, size_t index)
{
	const struct kin *p = place_process(c, index);
	pid_t pgid = res_pty_foreground(c->res, p->sid);
	int anchor = pgid > 0 ? place_anchor(c, pgid, p->sid) : KIN_NONE;

	if (anchor < 0)
		return;
	place_await(&c->boards[anchor].placed);
	res_pty_set_foreground(c->res, p->sid);
}

int place_take(struct child_context *c, size_t index, struct rebuild *b, struct err *err)
{
	const struct kin *p = place_process(c, index);
	int rc;

	if (p->flags & IMG_PROC_SUBREAPER) /* for those who are born as orphans below us */
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	rc = c->order ? place_in_turn(c, index, b, err) : place_session(c, index, err);
	if (rc >= 0 && sharing_settle(c->sharing, index) < 0)
		rc = err_set(err, EPERM, "leave what processes share");
	if (rc < 0)
		return rc;
	place_tell(&c->boards[index].reaps);
	place_lead_once(c, index);
	if (p->pgid == p->pid)
		setpgid(0, 0);
	else if (p->pgid > 0) /* 0: was outside of the namespace that it ran in */
		rc = place_join(c, index, err);
	if (rc < 0)
		return rc;
	place_tell(&c->boards[index].placed);
	if (p->sid == p->pid && !(p->flags & IMG_PROC_ZOMBIE))
		place_foreground(c, index);
	return 0;
}
