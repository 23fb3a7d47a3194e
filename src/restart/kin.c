/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/kin.h"

struct kin kin_of(const struct img_process *p)
{
	return (struct kin){ .pid = p->pid,
			     .ppid = p->ppid,
			     .pgid = p->pgid,
			     .sid = p->sid,
			     .flags = p->flags,
			     .exit_signal = p->exit_signal };
}

static const struct kin *kin_at(const struct kin_all *k, size_t index)
{
	return &k->at[index];
}

int kin_find(const struct kin_all *k, pid_t pid)
{
	for (size_t i = 0; i < k->n; i++)
		if (kin_at(k, i)->pid == pid)
			return (int)i;
	return KIN_NONE;
}

static size_t kin_root(const struct kin_all *k)
{
	size_t i = 0;

	while (i < k->n && !(kin_at(k, i)->flags & IMG_PROC_ROOT))
		i++;
	return i;
}

static bool kin_any_outside(const struct kin_all *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (kin_at(k, i)->sid == KIN_OUTSIDE)
			return true;
	return false;
}

/* The session that the agent is in, as the image numbers it; KIN_NONE: nobody of the program is in it. */
static pid_t kin_outer_session(const struct kin_all *k)
{
	size_t root = kin_root(k);
	pid_t session;

	if (kin_any_outside(k))
		return KIN_OUTSIDE;
	session = root < k->n ? kin_born_in(k, root) : KIN_NONE;
	/* One that is the program's own: what counts as its root now had been a child of others. */
	return kin_find(k, session) < 0 ? session : KIN_NONE;
}

static bool kin_is_below(const struct kin_all *k, int index, pid_t pid)
{
	while (index >= 0 && kin_at(k, (size_t)index)->ppid != pid)
		index = kin_find(k, kin_at(k, (size_t)index)->ppid);
	return index >= 0;
}

/*
 * Has @p a child in session @sid for no other reason than that it was in there itself when the child was
 * born? If that session's leader is below @p, it cannot have been: the child is an orphan that has fallen to
 * it, or its own by CLONE_PARENT. If there is no leader any more, a subreaper may have its orphans.
 */
static bool kin_was_in(const struct kin_all *k, const struct kin *p, pid_t sid)
{
	int leader = kin_find(k, sid);
	size_t root = kin_root(k);

	if (leader >= 0)
		return !kin_is_below(k, leader, p->pid);
	return !(p->flags & IMG_PROC_SUBREAPER) || (root < k->n && sid == kin_at(k, root)->sid);
}

/*
 * Of the children of @index: the session that one was born in, if not in that which @index has begun, else
 * KIN_NONE.
 */
static pid_t kin_left_session(const struct kin_all *k, size_t index)
{
	const struct kin *parent = kin_at(k, index);

	for (size_t i = 0; i < k->n; i++) {
		const struct kin *p = kin_at(k, i);
		pid_t sid = KIN_NONE;

		if (p->ppid == parent->pid)
			sid = p->sid == p->pid ? kin_left_session(k, i) : p->sid;
		if (sid != KIN_NONE && sid != parent->pid && kin_was_in(k, parent, sid))
			return sid;
	}
	return KIN_NONE;
}

pid_t kin_born_in(const struct kin_all *k, size_t index)
{
	const struct kin *p = kin_at(k, index);
	int parent = kin_find(k, p->ppid);
	pid_t left;

	if (p->sid != p->pid)
		return p->sid;
	left = kin_left_session(k, index);
	if (left != KIN_NONE)
		return left;
	if (p->flags & IMG_PROC_ROOT)
		return kin_any_outside(k) ? KIN_OUTSIDE : KIN_NONE;
	return parent < 0 ? kin_outer_session(k) : kin_at(k, (size_t)parent)->sid;
}

/* Made by its session's leader: not fallen to its parent, a subreaper, from below that one. */
static bool kin_is_beside(const struct kin_all *k, const struct kin *p, int leader)
{
	const struct kin *l = kin_at(k, (size_t)leader);
	int parent = kin_find(k, p->ppid);
	bool reaps = parent < 0 || kin_at(k, (size_t)parent)->flags & IMG_PROC_SUBREAPER;

	return l->ppid == p->ppid && (!reaps || l->flags & IMG_PROC_SUBREAPER);
}

enum kin_birth kin_birth(const struct kin_all *k, size_t index)
{
	const struct kin *p = kin_at(k, index);
	pid_t session = kin_born_in(k, index);
	int parent = kin_find(k, p->ppid), leader;

	if (parent < 0 ? session == kin_outer_session(k)
		       : session == kin_at(k, (size_t)parent)->sid)
		return KIN_AFTER;
	if (parent >= 0 && kin_at(k, (size_t)parent)->sid == p->ppid &&
	    session == kin_born_in(k, (size_t)parent))
		return KIN_BEFORE;
	leader = kin_find(k, session);
	if (leader < 0)
		return KIN_ENDED;
	return kin_is_beside(k, p, leader) ? KIN_BESIDE : KIN_LEADER;
}

bool kin_is_ended(const struct kin_all *k, size_t index, pid_t sid)
{
	return kin_born_in(k, index) == sid && kin_birth(k, index) == KIN_ENDED;
}

size_t kin_first_ended(const struct kin_all *k, pid_t sid)
{
	size_t i = 0;

	while (i < k->n && !kin_is_ended(k, i, sid))
		i++;
	return i;
}

pid_t kin_ended_maker(const struct kin_all *k, pid_t sid)
{
	pid_t maker = 0;

	for (size_t i = 0; i < k->n; i++) {
		pid_t ppid = kin_at(k, i)->ppid;

		if (kin_is_ended(k, i, sid) && ppid != maker &&
		    (!maker || kin_is_below(k, kin_find(k, ppid), maker)))
			maker = ppid;
	}
	return maker;
}

bool kin_want(struct image_reader *const *images, size_t n, pid_t id)
{
	for (size_t i = 0; i < n; i++) {
		const struct model *m = image_reader_model(images[i]);

		if (m->process.pid == id || m->process.pgid == id || m->process.sid == id)
			return true;
		for (size_t k = 0; k < m->threads.n; k++)
			if (m->threads.at[k].tid == id)
				return true;
	}
	return false;
}
