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

/* When and by whom a process is forked. */
enum place_birth {
	PLACE_BEFORE, /* by its parent, before that begins its own session */
	PLACE_AFTER, /* by its parent, in the session that this is in */
	PLACE_LEADER, /* in the name of its session's leader */
	PLACE_BESIDE, /* by its session's leader, as another child of that one's parent */
	PLACE_ENDED, /* as PLACE_AFTER, but the leader of its session has ended */
};

enum {
	PLACE_NONE = -1,
	PLACE_OUTSIDE = 0, /* a session that is not in the namespace which the image was taken in */
};

static const struct child_kin *place_process(const struct child_context *c, size_t index)
{
	return &c->kin[index];
}

static int place_find(const struct child_context *c, pid_t pid)
{
	for (size_t i = 0; i < c->n; i++)
		if (place_process(c, i)->pid == pid)
			return (int)i;
	return PLACE_NONE;
}

static pid_t place_born_in(const struct child_context *c, size_t index);

static size_t place_root(const struct child_context *c)
{
	size_t i = 0;

	while (i < c->n && !(place_process(c, i)->flags & IMG_PROC_ROOT))
		i++;
	return i;
}

static bool place_any_outside(const struct child_context *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (place_process(c, i)->sid == PLACE_OUTSIDE)
			return true;
	return false;
}

/* The session that the agent is in, as the image numbers it; PLACE_NONE: nobody of the program is in it. */
static pid_t place_outer_session(const struct child_context *c)
{
	size_t root = place_root(c);
	pid_t session;

	if (place_any_outside(c))
		return PLACE_OUTSIDE;
	session = root < c->n ? place_born_in(c, root) : PLACE_NONE;
	/* One that is the program's own: what counts as its root now had been a child of others. */
	return place_find(c, session) < 0 ? session : PLACE_NONE;
}

static bool place_is_below(const struct child_context *c, int index, pid_t pid)
{
	while (index >= 0 && place_process(c, (size_t)index)->ppid != pid)
		index = place_find(c, place_process(c, (size_t)index)->ppid);
	return index >= 0;
}

/*
 * Has @p a child in session @sid for no other reason than that it was in there itself when the child was
 * born? If that session's leader is below @p, it cannot have been: the child is an orphan that has fallen to
 * it, or its own by CLONE_PARENT. If there is no leader any more, a subreaper may have its orphans.
 */
static bool place_was_in(const struct child_context *c, const struct child_kin *p, pid_t sid)
{
	int leader = place_find(c, sid);
	size_t root = place_root(c);

	if (leader >= 0)
		return !place_is_below(c, leader, p->pid);
	return !(p->flags & IMG_PROC_SUBREAPER) ||
	       (root < c->n && sid == place_process(c, root)->sid);
}

/*
 * Of the children of @index: the session that one was born in, if not in that which @index has begun, else
 * PLACE_NONE.
 */
static pid_t place_left_session(const struct child_context *c, size_t index)
{
	const struct child_kin *parent = place_process(c, index);

	for (size_t i = 0; i < c->n; i++) {
		const struct child_kin *p = place_process(c, i);
		pid_t sid = PLACE_NONE;

		if (p->ppid == parent->pid)
			sid = p->sid == p->pid ? place_left_session(c, i) : p->sid;
		if (sid != PLACE_NONE && sid != parent->pid && place_was_in(c, parent, sid))
			return sid;
	}
	return PLACE_NONE;
}

/*
 * The session that a process was born in; PLACE_NONE: not known. One that has begun its own was before in
 * that of its children who are not in its own, else in its parent's.
 */
static pid_t place_born_in(const struct child_context *c, size_t index)
{
	const struct child_kin *p = place_process(c, index);
	int parent = place_find(c, p->ppid);
	pid_t left;

	if (p->sid != p->pid)
		return p->sid;
	left = place_left_session(c, index);
	if (left != PLACE_NONE)
		return left;
	if (p->flags & IMG_PROC_ROOT)
		return place_any_outside(c) ? PLACE_OUTSIDE : PLACE_NONE;
	return parent < 0 ? place_outer_session(c) : place_process(c, (size_t)parent)->sid;
}

/* Made by its session's leader: not fallen to its parent, a subreaper, from below that one. */
static bool place_is_beside(const struct child_context *c, const struct child_kin *p, int leader)
{
	const struct child_kin *l = place_process(c, (size_t)leader);
	int parent = place_find(c, p->ppid);
	bool reaps = parent < 0 || place_process(c, (size_t)parent)->flags & IMG_PROC_SUBREAPER;

	return l->ppid == p->ppid && (!reaps || l->flags & IMG_PROC_SUBREAPER);
}

static enum place_birth place_birth(const struct child_context *c, size_t index)
{
	const struct child_kin *p = place_process(c, index);
	pid_t session = place_born_in(c, index);
	int parent = place_find(c, p->ppid), leader;

	if (parent < 0 ? session == place_outer_session(c)
		       : session == place_process(c, (size_t)parent)->sid)
		return PLACE_AFTER;
	if (parent >= 0 && place_process(c, (size_t)parent)->sid == p->ppid &&
	    session == place_born_in(c, (size_t)parent))
		return PLACE_BEFORE;
	leader = place_find(c, session);
	if (leader < 0)
		return PLACE_ENDED;
	return place_is_beside(c, p, leader) ? PLACE_BESIDE : PLACE_LEADER;
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
	pid_t pid = child_fork(c, index, flags);

	if (pid == -EBUSY)
		return err_say(err, EBUSY, "others take id %d whenever it comes round", id);
	return pid < 0 ? err_set(err, pid, "make process %d", id) : pid;
}

/* Fork all of @parent's that are to be born so; in session @sid, where that is not 0. */
static int place_fork(struct child_context *c, pid_t parent, enum place_birth birth, pid_t sid,
		      struct err *err)
{
	bool sister = birth == PLACE_BESIDE || birth == PLACE_ENDED;

	for (size_t i = 0; i < c->n; i++) {
		const struct child_kin *p = place_process(c, i);
		pid_t pid;

		if ((parent && p->ppid != parent) || (sid && place_born_in(c, i) != sid) ||
		    place_birth(c, i) != birth)
			continue;
		pid = place_fork_one(c, i, sister ? CLONE_PARENT : 0, err);
		if (pid < 0)
			return pid;
		if (birth != PLACE_LEADER)
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

static bool place_is_ended(const struct child_context *c, size_t index, pid_t sid)
{
	return place_born_in(c, index) == sid && place_birth(c, index) == PLACE_ENDED;
}

/* Whose children those who have fallen from session @sid to others than @parent were; @birth as theirs. */
static void place_tell_fallen(struct child_context *c, pid_t parent, enum place_birth birth,
			      pid_t sid)
{
	for (size_t i = 0; i < c->n; i++)
		if (place_born_in(c, i) == sid && place_birth(c, i) == birth &&
		    place_process(c, i)->ppid != parent)
			place_tell(&c->boards[i].ours);
}

/* As the leader of session @sid, which is to end: by a child that ends, those who are not @parent's. */
static int place_fork_fallen(struct child_context *c, pid_t parent, pid_t sid, struct err *err)
{
	bool any = false;
	pid_t pid;
	int rc = 0;

	for (size_t i = 0; i < c->n; i++)
		any |= place_is_ended(c, i, sid) && place_process(c, i)->ppid != parent;
	if (!any)
		return 0;
	pid = spawn_fork(0, 0, SIGCHLD);
	if (pid < 0)
		return err_set(err, pid, "make the processes of session %d", sid);
	if (pid)
		return place_await_maker(pid, sid, err);
	for (size_t i = 0; rc >= 0 && i < c->n; i++)
		if (place_is_ended(c, i, sid) && place_process(c, i)->ppid != parent)
			rc = place_fork_one(c, i, 0, err);
	_exit(rc < 0 ? err->num : 0);
}

/* Those who fall to the next subreaper above us do so only when it has made those who have fallen past it. */
static void place_await_reaper(struct child_context *c)
{
	int index = place_find(c, getpid());

	while (index >= 0) {
		index = place_find(c, place_process(c, (size_t)index)->ppid);
		if (index < 0 || !(place_process(c, (size_t)index)->flags & IMG_PROC_SUBREAPER))
			continue;
		place_await(&c->boards[index].reaps);
		return;
	}
}

/*
 * The same by a process in between, which ends. It is the leader of session @sid where that has ended
 * (@birth PLACE_ENDED), and they are our children like it, if not another's; else its leader's child, and
 * they fall to the nearest subreaper above.
 */
static int place_fork_between(struct child_context *c, pid_t parent, enum place_birth birth,
			      pid_t sid, struct err *err)
{
	pid_t pid;
	int rc;

	place_await_reaper(c);
	/* With that signal as any fork: so the kernel has the agent trace it, and those it makes. */
	pid = spawn_fork(birth == PLACE_ENDED ? sid : 0, 0, SIGCHLD);
	if (pid == 0) {
		if (birth == PLACE_ENDED)
			setsid();
		_exit(place_fork(c, parent, birth, sid, err) < 0 ||
				      (birth == PLACE_ENDED &&
				       place_fork_fallen(c, parent, sid, err) < 0)
			      ? err->num
			      : 0);
	}
	if (pid < 0)
		return err_set(err, pid, "begin session %d", sid);
	rc = place_await_maker(pid, sid, err);
	if (rc >= 0)
		place_tell_fallen(c, parent, birth, sid);
	return rc;
}

/*
 * Who makes those in session @sid, whose leader has ended: the parent of some of them that is furthest below.
 * The others' are above it, and can be fallen to from there.
 */
static pid_t place_ended_maker(const struct child_context *c, pid_t sid)
{
	pid_t maker = 0;

	for (size_t i = 0; i < c->n; i++) {
		pid_t ppid = place_process(c, i)->ppid;

		if (place_is_ended(c, i, sid) && ppid != maker &&
		    (!maker || place_is_below(c, place_find(c, ppid), maker)))
			maker = ppid;
	}
	return maker;
}

/* Session by session, those whose leader has ended and whom @parent is to make: some are its own. */
static int place_fork_ended(struct child_context *c, pid_t parent, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < c->n; i++) {
		bool first = place_process(c, i)->ppid == parent &&
			     place_birth(c, i) == PLACE_ENDED &&
			     place_ended_maker(c, place_born_in(c, i)) == parent;

		for (size_t k = 0; first && k < i; k++)
			first = place_process(c, k)->ppid != parent ||
				!place_is_ended(c, k, place_born_in(c, i));
		if (first)
			rc = place_fork_between(c, parent, PLACE_ENDED, place_born_in(c, i), err);
	}
	return rc;
}

static bool place_hosts(const struct child_context *c, pid_t sid, enum place_birth birth)
{
	for (size_t i = 0; i < c->n; i++)
		if (place_born_in(c, i) == sid && place_birth(c, i) == birth)
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
	for (size_t i = 0; i < c->n; i++)
		if (place_birth(c, i) >= PLACE_LEADER)
			return err_say(
				err, ENOTSUP,
				"process %d is in session %d, which its parent is not in: such ids "
				"cannot be had by waiting until they come round",
				place_process(c, i)->pid, place_born_in(c, i));
	return 0;
}

int place_fork_top(struct child_context *c, pid_t agent, struct err *err)
{
	int rc;

	if (c->order)
		return place_fork_top_in_turn(c, err);
	rc = place_fork(c, agent, PLACE_AFTER, 0, err);
	return rc < 0 ? rc : place_fork_ended(c, agent, err);
}

void place_await_child(struct child_context *c, size_t index)
{
	place_await(&c->boards[index].ours);
}

void place_await_process(struct child_context *c, pid_t pid)
{
	int index = place_find(c, pid);

	if (index >= 0)
		place_await(&c->boards[index].placed);
}

/* Whoever can be asked to join a group: its leader, else the first of its members. */
static int place_anchor(const struct child_context *c, pid_t pgid, pid_t sid)
{
	int leader = place_find(c, pgid);

	for (size_t i = 0; leader < 0 && i < c->n; i++)
		if (place_process(c, i)->pgid == pgid && place_process(c, i)->sid == sid)
			leader = (int)i;
	return leader;
}

/*
 * A process may leave the group that it leads for another of its session, and others stay behind. One of
 * those whom process @index has left so, or PLACE_NONE.
 */
static int place_heir(const struct child_context *c, size_t index)
{
	const struct child_kin *p = place_process(c, index);

	for (size_t i = 0; p->pgid != p->pid && i < c->n; i++)
		if (place_process(c, i)->pgid == p->pid)
			return (int)i;
	return PLACE_NONE;
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
	const struct child_kin *p = place_process(c, index);
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
	const struct child_kin *p = place_process(c, index);

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
	const struct child_kin *p = place_process(c, index);
	int rc;

	if (p->flags & IMG_PROC_SUBREAPER)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	rc = place_fork_between(c, 0, PLACE_LEADER, p->sid, err);
	if (p->flags & IMG_PROC_SUBREAPER)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	return rc;
}

static int place_session(struct child_context *c, size_t index, struct err *err)
{
	const struct child_kin *p = place_process(c, index);
	int rc = place_fork(c, p->pid, PLACE_BEFORE, 0, err);

	if (rc >= 0)
		rc = place_begin_session(c, index, err);
	if (rc >= 0)
		rc = place_fork(c, p->pid, PLACE_AFTER, 0, err);
	if (rc >= 0 && p->sid == p->pid && place_hosts(c, p->sid, PLACE_BESIDE))
		rc = place_fork(c, p->ppid, PLACE_BESIDE, p->sid, err);
	if (rc >= 0 && p->sid == p->pid && place_hosts(c, p->sid, PLACE_LEADER))
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
		if (!s->thread && place_birth(c, (size_t)s->process) == PLACE_AFTER)
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
	const struct child_kin *p = place_process(c, index);
	pid_t pgid = res_pty_foreground(c->res, p->sid);
	int anchor = pgid > 0 ? place_anchor(c, pgid, p->sid) : PLACE_NONE;

	if (anchor < 0)
		return;
	place_await(&c->boards[anchor].placed);
	res_pty_set_foreground(c->res, p->sid);
}

int place_take(struct child_context *c, size_t index, struct rebuild *b, struct err *err)
{
	const struct child_kin *p = place_process(c, index);
	int rc;

	if (p->flags & IMG_PROC_SUBREAPER) /* for those who are born as orphans below us */
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	rc = c->order ? place_in_turn(c, index, b, err) : place_session(c, index, err);
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
