/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/sharing.h"

#include "base/owned.h"
#include "base/sys.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	SHARING_PHASES = 5, /* in which one process makes others; the last in a given order */
	SHARING_NOBODY = -1,
};

static const struct {
	uint32_t what; /* enum img_share_what */
	int flag; /* for clone(2), unshare(2) */
	const char *words;
} sharing_kinds[SHARING_KINDS] = {
	[SHARING_FILES] = { IMG_SHARE_FILES, CLONE_FILES, "descriptors (CLONE_FILES)" },
	[SHARING_FS] = { IMG_SHARE_FS, CLONE_FS, "a working directory (CLONE_FS)" },
};

/* A process, or one that exists only to make others. Groups go by their owner's index, plus 1; 0: none. */
struct sharing_node {
	size_t maker; /* SIZE_MAX: nobody */
	uint32_t phase;
	size_t rank; /* in the last phase */
	uint32_t has[SHARING_KINDS]; /* in the end */
	uint32_t born[SHARING_KINDS]; /* together with its maker */
	bool makes, listed;
};

struct sharing_board { /* of a group, at its owner's index; in memory shared by all. Futexes */
	uint32_t there[SHARING_KINDS], ready[SHARING_KINDS], finished[SHARING_KINDS];
};

struct sharing {
	size_t n; /* processes */
	struct sharing_node *nodes; /* of them, then the top, then n each of the others */
	size_t nnodes;
	size_t *order; /* processes as they are to be made, of one maker */
	size_t listed;
	uint32_t now[SHARING_KINDS]; /* what this process has */
	bool moves;
	uint32_t *others[SHARING_KINDS]; /* for each owner: who else is in the end */
	uint32_t *guests[SHARING_KINDS]; /* and who is only for a time */
	struct sharing_board *boards;
};

size_t sharing_top(const struct sharing *s)
{
	return s ? s->n : 0;
}

size_t sharing_leader(const struct sharing *s, size_t leader)
{
	return s ? s->n + 1 + leader : 0;
}

size_t sharing_ended(const struct sharing *s, size_t first)
{
	return s ? 2 * s->n + 1 + first : 0;
}

size_t sharing_fallen(const struct sharing *s, size_t first)
{
	return s ? 3 * s->n + 1 + first : 0;
}

size_t sharing_at(const struct sharing *s, size_t at)
{
	return s ? s->order[at] : at;
}

/* Whose it is, by the images: in nodes[].has. */
static int sharing_read(struct sharing *s, const struct kin_all *kin,
			const struct model *const *models, bool *any, struct err *err)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < SHARING_KINDS; k++) {
			int32_t pid = model_shares(models[i], sharing_kinds[k].what);
			int owner = pid ? kin_find(kin, pid) : SHARING_NOBODY;

			if (!pid)
				continue;
			if (owner < 0 || kin->at[owner].flags & IMG_PROC_ZOMBIE ||
			    model_shares(models[owner], sharing_kinds[k].what))
				return err_say(
					err, EBADMSG,
					"the images make no sense: process %d shares %s with "
					"process %d, which has none",
					kin->at[i].pid, sharing_kinds[k].words, pid);
			s->nodes[i].has[k] = s->nodes[owner].has[k] = (uint32_t)owner + 1;
			s->others[k][owner]++;
			*any = true;
		}
	return 0;
}

static size_t sharing_index(const struct sharing *s, const struct kin_all *kin, pid_t pid)
{
	int index = kin_find(kin, pid);

	return index < 0 ? sharing_top(s) : (size_t)index;
}

static void sharing_place(struct sharing *s, size_t node, size_t maker, uint32_t phase)
{
	s->nodes[node].maker = maker;
	s->nodes[node].phase = phase;
	s->nodes[maker].makes = true;
}

/* By a process in between, which is the leader of their session; and by one below that. */
static void sharing_place_ended(struct sharing *s, const struct kin_all *kin, size_t i)
{
	pid_t sid = kin_born_in(kin, i), maker = kin_ended_maker(kin, sid);
	bool fallen = kin->at[i].ppid != maker;
	size_t first = kin_first_ended(kin, sid), node = sharing_ended(s, first);

	if (s->nodes[node].maker == SIZE_MAX)
		s->nodes[node].rank = SIZE_MAX;
	if (!fallen && s->nodes[node].rank > i)
		s->nodes[node].rank = i;
	sharing_place(s, node, sharing_index(s, kin, maker), SHARING_PHASES - 1);
	sharing_place(s, sharing_fallen(s, first), node, 1);
	sharing_place(s, i, fallen ? sharing_fallen(s, first) : node, 0);
}

/* Who makes whom, and when: as place.c does it. */
static void sharing_place_all(struct sharing *s, const struct kin_all *kin)
{
	for (size_t i = 0; i < s->nnodes; i++)
		s->nodes[i].maker = SIZE_MAX;
	for (size_t i = 0; i < s->n; i++) {
		size_t parent = sharing_index(s, kin, kin->at[i].ppid);
		size_t leader = sharing_index(s, kin, kin_born_in(kin, i));

		switch (kin_birth(kin, i)) {
		case KIN_BEFORE:
			sharing_place(s, i, parent, 0);
			break;
		case KIN_AFTER:
			sharing_place(s, i, parent, 1);
			break;
		case KIN_BESIDE:
			sharing_place(s, i, leader, 2);
			break;
		case KIN_LEADER:
			sharing_place(s, sharing_leader(s, leader), leader, 3);
			sharing_place(s, i, sharing_leader(s, leader), 0);
			break;
		case KIN_ENDED:
			sharing_place_ended(s, kin, i);
			break;
		}
	}
}

static int sharing_refuse(const struct kin_all *kin, size_t k, size_t owner, struct err *err)
{
	return err_say(err, ENOTSUP,
		       "process %d shares %s with another one in a way that cannot be made again: "
		       "processes in between, or their parents, have others",
		       kin->at[owner].pid, sharing_kinds[k].words);
}

/*
 * What a node has from its maker: the groups that have members both below it, with itself, and elsewhere. It
 * can have one of each kind only.
 */
static int sharing_inherit(struct sharing *s, const struct kin_all *kin, size_t k, size_t owner,
			   struct err *err)
{
	OWNED_PTR uint32_t *below = calloc(s->nnodes, sizeof(*below));

	if (!below)
		return err_set(err, ENOMEM, "restart of %zu processes", s->n);
	for (size_t i = 0; i < s->n; i++) {
		size_t steps = 0;

		if (s->nodes[i].has[k] != owner + 1)
			continue;
		for (size_t at = i; at != SIZE_MAX && steps <= s->nnodes; at = s->nodes[at].maker) {
			below[at]++;
			steps++;
		}
		if (steps > s->nnodes)
			return sharing_refuse(kin, k, owner, err);
	}
	for (size_t i = 0; i < s->nnodes; i++) {
		if (!below[i] || below[i] == s->others[k][owner] + 1)
			continue;
		if (s->nodes[i].born[k])
			return sharing_refuse(kin, k, owner, err);
		s->nodes[i].born[k] = (uint32_t)owner + 1;
	}
	return 0;
}

/* Has @maker still to make a node that is born with @group, after those of phase @after? */
static bool sharing_is_needed(const struct sharing *s, size_t maker, size_t k, uint32_t group,
			      int after)
{
	for (size_t i = 0; i < s->nnodes; i++)
		if (s->nodes[i].maker == maker && !s->nodes[i].listed &&
		    s->nodes[i].born[k] == group && (int)s->nodes[i].phase > after)
			return true;
	return false;
}

/* What speaks against making @node next: the less the better; negative: it cannot be. */
static int sharing_cost(const struct sharing *s, size_t node)
{
	const struct sharing_node *t = &s->nodes[node], *maker = &s->nodes[t->maker];
	int most = 0;

	for (size_t k = 0; k < SHARING_KINDS; k++) {
		int cost = 1;

		if (!t->born[k] || t->born[k] == s->now[k])
			continue;
		if (s->now[k] && (s->now[k] == maker->has[k] ||
				  sharing_is_needed(s, t->maker, k, s->now[k], SHARING_NOBODY)))
			return -1;
		if (t->born[k] == maker->has[k])
			cost = 3;
		else if (sharing_is_needed(s, t->maker, k, t->born[k], (int)t->phase))
			cost = 2;
		most = cost > most ? cost : most;
	}
	return most;
}

/* In the last phase: another one is made before @node. */
static bool sharing_comes_later(const struct sharing *s, size_t node)
{
	const struct sharing_node *t = &s->nodes[node], *other;

	for (size_t i = sharing_ended(s, 0); t->phase == SHARING_PHASES - 1 && i < s->nnodes; i++) {
		other = &s->nodes[i];
		if (other->maker == t->maker && other->phase == t->phase && !other->listed &&
		    other->rank < t->rank)
			return true;
	}
	return false;
}

/* The next that @maker makes in this phase; nnodes: none is left, or *@stuck: none can be. */
static size_t sharing_next(const struct sharing *s, size_t maker, uint32_t phase, size_t *stuck)
{
	size_t best = s->nnodes;
	int least = 0;

	*stuck = s->nnodes;
	for (size_t i = 0; i < s->nnodes; i++) {
		int cost;

		if (s->nodes[i].maker != maker || s->nodes[i].listed || s->nodes[i].phase != phase)
			continue;
		if (sharing_comes_later(s, i))
			continue;
		cost = sharing_cost(s, i);
		if (cost < 0)
			*stuck = i;
		else if (best == s->nnodes || cost < least) {
			best = i;
			least = cost;
		}
	}
	return best;
}

/* @maker has @group from here on. */
static void sharing_take(struct sharing *s, size_t maker, size_t k, uint32_t group)
{
	s->moves |= s->now[k] && s->now[k] != group;
	if (s->now[k] != group && s->nodes[maker].has[k] != group)
		s->guests[k][group - 1]++;
	s->now[k] = group;
}

static void sharing_list(struct sharing *s, size_t node)
{
	for (size_t k = 0; k < SHARING_KINDS; k++)
		if (s->nodes[node].born[k])
			sharing_take(s, s->nodes[node].maker, k, s->nodes[node].born[k]);
	s->nodes[node].listed = true;
	if (node < s->n)
		s->order[s->listed++] = node;
}

/* All that @maker makes, in an order in which it need not have again what it has left. */
static int sharing_go_through(struct sharing *s, const struct kin_all *kin, size_t maker,
			      struct err *err)
{
	memset(s->now, 0, sizeof(s->now));
	for (size_t k = 0; k < SHARING_KINDS; k++)
		if (s->nodes[maker].born[k])
			sharing_take(s, maker, k, s->nodes[maker].born[k]);
	for (uint32_t phase = 0; phase < SHARING_PHASES; phase++) {
		size_t stuck, node;

		while ((node = sharing_next(s, maker, phase, &stuck)) < s->nnodes)
			sharing_list(s, node);
		for (size_t k = 0; stuck < s->nnodes && k < SHARING_KINDS; k++)
			if (s->nodes[stuck].born[k])
				return sharing_refuse(kin, k, s->nodes[stuck].born[k] - 1, err);
	}
	for (size_t k = 0; k < SHARING_KINDS && maker < s->n; k++)
		s->moves |= s->now[k] != s->nodes[maker].has[k];
	return 0;
}

static int sharing_plan(struct sharing *s, const struct kin_all *kin, struct err *err)
{
	int rc = 0;

	sharing_place_all(s, kin);
	for (size_t k = 0; k < SHARING_KINDS; k++)
		for (size_t i = 0; rc >= 0 && i < s->n; i++)
			if (s->others[k][i])
				rc = sharing_inherit(s, kin, k, i, err);
	for (size_t i = 0; rc >= 0 && i < s->nnodes; i++)
		if (s->nodes[i].makes)
			rc = sharing_go_through(s, kin, i, err);
	if (rc >= 0 && s->listed != s->n)
		rc = err_say(err, EBADMSG, "the images make no sense: a process has no parent");
	return rc;
}

static size_t sharing_boards_size(const struct sharing *s)
{
	return (s->n + 1) * sizeof(*s->boards);
}

static struct sharing *sharing_new(size_t n)
{
	struct sharing *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->n = n;
	s->nnodes = 4 * n + 1;
	s->nodes = calloc(s->nnodes, sizeof(*s->nodes));
	s->order = calloc(n + 1, sizeof(*s->order));
	for (size_t k = 0; k < SHARING_KINDS; k++) {
		s->others[k] = calloc(n + 1, sizeof(*s->others[k]));
		s->guests[k] = calloc(n + 1, sizeof(*s->guests[k]));
	}
	s->boards = mmap(NULL, sharing_boards_size(s), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->boards == MAP_FAILED)
		s->boards = NULL;
	if (s->nodes && s->order && s->others[0] && s->others[1] && s->guests[0] && s->guests[1] &&
	    s->boards)
		return s;
	sharing_destroy(s);
	return NULL;
}

void sharing_destroy(struct sharing *s)
{
	if (!s)
		return;
	for (size_t k = 0; k < SHARING_KINDS; k++) {
		free(s->others[k]);
		free(s->guests[k]);
	}
	if (s->boards)
		munmap(s->boards, sharing_boards_size(s));
	free(s->order);
	free(s->nodes);
	free(s);
}

int sharing_create(struct sharing **out, const struct kin_all *kin,
		   const struct model *const *models, struct err *err)
{
	struct sharing *s;
	bool any = false;
	int rc;

	*out = NULL;
	for (size_t i = 0; i < kin->n; i++)
		any |= models[i]->shares.n > 0;
	if (!any)
		return 0;
	s = sharing_new(kin->n);
	if (!s)
		return err_set(err, ENOMEM, "restart of %zu processes", kin->n);
	rc = sharing_read(s, kin, models, &any, err);
	if (rc >= 0)
		rc = sharing_plan(s, kin, err);
	memset(s->now, 0, sizeof(s->now));
	if (rc >= 0)
		*out = s;
	else
		sharing_destroy(s);
	return rc;
}

int sharing_check(const struct model *const *models, size_t n, struct err *err)
{
	OWNED_PTR struct kin *kin = calloc(n + 1, sizeof(*kin));
	struct sharing *s;
	int rc;

	if (!kin)
		return err_set(err, ENOMEM, "checkpoint of %zu processes", n);
	for (size_t i = 0; i < n; i++)
		kin[i] = kin_of(&models[i]->process);
	rc = sharing_create(&s, &(struct kin_all){ kin, n }, models, err);
	sharing_destroy(rc < 0 ? NULL : s);
	return rc;
}

bool sharing_moves(const struct sharing *s)
{
	return s && s->moves;
}

static void sharing_count(uint32_t *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
	sys3(__NR_futex, word, FUTEX_WAKE, INT32_MAX);
}

/* If they never get there, the agent ends us all. */
static void sharing_await(uint32_t *word, uint32_t least)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) < least)
		sys4(__NR_futex, word, FUTEX_WAIT, seen, NULL);
}

static int sharing_leave(struct sharing *s, size_t k)
{
	long rc = sys1(__NR_unshare, sharing_kinds[k].flag);

	if (rc >= 0)
		sharing_count(&s->boards[s->now[k] - 1].there[k]);
	s->now[k] = 0;
	return (int)rc;
}

int64_t sharing_fork(struct sharing *s, size_t node)
{
	int64_t flags = 0;

	for (size_t k = 0; s && k < SHARING_KINDS; k++) {
		uint32_t group = s->nodes[node].born[k];
		int rc = group && s->now[k] && s->now[k] != group ? sharing_leave(s, k) : 0;

		if (rc < 0)
			return rc;
		if (!group)
			continue;
		s->now[k] = group;
		flags |= sharing_kinds[k].flag;
	}
	return flags;
}

void sharing_born(struct sharing *s, size_t node)
{
	if (s)
		memcpy(s->now, s->nodes[node].born, sizeof(s->now));
}

int sharing_settle(struct sharing *s, size_t node)
{
	int rc = 0;

	for (size_t k = 0; s && rc >= 0 && k < SHARING_KINDS; k++)
		if (s->now[k] && s->now[k] != s->nodes[node].has[k])
			rc = sharing_leave(s, k);
	return rc;
}

size_t sharing_owner(const struct sharing *s, enum sharing_kind kind, size_t index)
{
	return s && s->nodes[index].has[kind] ? s->nodes[index].has[kind] - 1 : index;
}

bool sharing_is_group(const struct sharing *s, enum sharing_kind kind, size_t owner)
{
	return s && s->others[kind][owner];
}

bool sharing_keeps(const struct sharing *s, enum sharing_kind kind, size_t index)
{
	return sharing_owner(s, kind, index) == index;
}

/* Those of a group that are not its owner count on one of its @words; the owner waits until @all have. */
static void sharing_gather(uint32_t *words, enum sharing_kind kind, bool owns, uint32_t all)
{
	if (owns)
		sharing_await(&words[kind], all);
	else
		sharing_count(&words[kind]);
}

void sharing_meet(struct sharing *s, enum sharing_kind kind, size_t index)
{
	size_t owner = sharing_owner(s, kind, index);

	if (sharing_is_group(s, kind, owner))
		sharing_gather(s->boards[owner].there, kind, owner == index,
			       s->others[kind][owner] + s->guests[kind][owner]);
}

void sharing_ready(struct sharing *s, enum sharing_kind kind, size_t index)
{
	size_t owner = sharing_owner(s, kind, index);

	if (!sharing_is_group(s, kind, owner))
		return;
	if (owner == index)
		sharing_count(&s->boards[owner].ready[kind]);
	else
		sharing_await(&s->boards[owner].ready[kind], 1);
}

void sharing_finish(struct sharing *s, enum sharing_kind kind, size_t index)
{
	size_t owner = sharing_owner(s, kind, index);

	if (sharing_is_group(s, kind, owner))
		sharing_gather(s->boards[owner].finished, kind, owner == index,
			       s->others[kind][owner]);
}
