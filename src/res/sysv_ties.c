/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process will undo to semaphores when it ends (semadj). No file and no call tells it. But
 * a semop of several operations is done as a whole or not at all, and one that would carry the sum of
 * what is to be undone beyond its bounds fails with ERANGE. So the process is made to try operations the
 * last of which is sure to fail with EAGAIN: which of the two errors it is tells on which side of a
 * number the sum lies, and nothing has happened.
 */
#include "base/owned.h"
#include "res/sysv.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/sem.h>

enum {
	TIES_MAX = 32767, /* SEMVMX and SEMAEM: of a value, and of what is to be undone */
	TIES_AT_ONCE = 64, /* semaphores in one call: SEMOPM allows 500 operations */
	TIES_OPS = 4, /* for one semaphore */
};

struct ties {
	struct probe *probe;
	const struct sysv_seen *set;
	struct sembuf ops[TIES_AT_ONCE * TIES_OPS + 1];
	size_t n;
};

static void ties_op(struct ties *t, size_t num, int32_t op, int flags)
{
	t->ops[t->n++] =
		(struct sembuf){ (unsigned short)num, (short)op, (short)(IPC_NOWAIT | flags) };
}

/* ERANGE if more than @k is to be added to semaphore @num; leaves its value at k. */
static void ties_ask_above(struct ties *t, size_t num, int32_t k)
{
	int32_t value = (int32_t)t->set->sems[num].value;

	if (value < TIES_MAX)
		ties_op(t, num, TIES_MAX - value, 0);
	ties_op(t, num, k - TIES_MAX, SEM_UNDO);
}

/* ERANGE if more than @k is to be taken from it; leaves its value above 0. */
static void ties_ask_below(struct ties *t, size_t num, int32_t k)
{
	int32_t value = (int32_t)t->set->sems[num].value;

	if (value)
		ties_op(t, num, -value, 0);
	if (k) {
		ties_op(t, num, TIES_MAX + 1 - k, SEM_UNDO);
		return;
	}
	ties_op(t, num, TIES_MAX, SEM_UNDO);
	ties_op(t, num, -TIES_MAX, 0);
	ties_op(t, num, 1, SEM_UNDO);
}

/* 1: ERANGE, 0: EAGAIN; anything else: this process has nothing to do with the set. */
static int ties_try(struct ties *t, struct err *err)
{
	int64_t result;
	int rc = probe_ask(t->probe, __NR_semop,
			   (const uint64_t[4]){ (uint64_t)t->set->o.id, PROBE_ASK_DATA, t->n },
			   t->ops, t->n * sizeof(t->ops[0]), &result, err);

	t->n = 0;
	if (rc < 0)
		return rc;
	return result == -ERANGE;
}

static int ties_above(struct ties *t, size_t from, size_t to, int32_t k, struct err *err)
{
	for (size_t i = from; i < to; i++)
		ties_ask_above(t, i, k);
	ties_op(t, to - 1, -(k + 1), 0); /* it would have to wait */
	return ties_try(t, err);
}

static int ties_below(struct ties *t, size_t from, size_t to, int32_t k, struct err *err)
{
	for (size_t i = from; i < to; i++)
		ties_ask_below(t, i, k);
	ties_op(t, to - 1, 0, 0); /* likewise: until it is 0 */
	return ties_try(t, err);
}

/* What is to be added to one semaphore: its size first from above, then from below. */
static int ties_measure(struct ties *t, size_t num, int32_t *adjust, struct err *err)
{
	int (*const ask)(struct ties *, size_t, size_t, int32_t, struct err *) =
		ties_above(t, num, num + 1, 0, err) == 1 ? ties_above : ties_below;
	int32_t low = 0, high = TIES_MAX; /* the size lies in [low, high] */

	if (ask == ties_below && ties_below(t, num, num + 1, TIES_MAX, err) == 1)
		low = high = TIES_MAX + 1;
	while (low < high) {
		int32_t mid = low + (high - low) / 2;
		int more = ask(t, num, num + 1, mid, err);

		if (more < 0)
			return more;
		if (more)
			low = mid + 1;
		else
			high = mid;
	}
	*adjust = ask == ties_above ? low : -low;
	return 0;
}

static int ties_add(struct model *m, const struct sysv_seen *set, size_t num, int32_t adjust,
		    struct err *err)
{
	bool last = set->sems[num].pid == m->process.pid;
	struct img_sem_tie *tie;

	if (!last && !adjust)
		return 0;
	tie = model_add(&m->sem_ties);
	if (!tie)
		return err_set(err, ENOMEM, "keep semaphores");
	*tie = (struct img_sem_tie){ .id = set->o.id,
				     .num = (uint32_t)num,
				     .value = set->sems[num].value,
				     .adjust = adjust,
				     .last = last };
	return 0;
}

static int ties_some(struct ties *t, struct model *m, size_t from, size_t to, struct err *err)
{
	int above = ties_above(t, from, to, 0, err);
	int below = above < 0 ? above : ties_below(t, from, to, 0, err);
	int rc = below < 0 ? below : 0;

	for (size_t i = from; rc >= 0 && i < to; i++) {
		int32_t adjust = 0;

		if (above || below)
			rc = ties_measure(t, i, &adjust, err);
		if (rc >= 0)
			rc = ties_add(m, t->set, i, adjust, err);
	}
	return rc;
}

static bool ties_may_be(const struct sysv_seen *s)
{
	return s->type == IMG_SYSV_SEM && s->ours;
}

bool sysv_has_ties(const struct sysv_capture *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (ties_may_be(&c->at[i]))
			return true;
	return false;
}

int sysv_ties(const struct sysv_capture *c, struct model *m, struct probe *probe, struct err *err)
{
	struct ties t = { .probe = probe };
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < c->n; i++) {
		const struct sysv_seen *s = &c->at[i];

		if (!ties_may_be(s))
			continue;
		t.set = s;
		for (size_t from = 0; rc >= 0 && from < s->o.size; from += TIES_AT_ONCE)
			rc = ties_some(&t, m, from,
				       from + TIES_AT_ONCE < s->o.size ? from + TIES_AT_ONCE
								       : s->o.size,
				       err);
		if (rc < 0)
			return err_add(err, "System V semaphore set %d", s->o.id);
	}
	return rc;
}
