/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/sharers.h"

#include "base/owned.h"
#include "base/sys.h"
#include "image/model.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHARERS_SAME, /* as kcmp answers */
	SHARERS_BEFORE,
	SHARERS_BEHIND,
};

/* Putting all in one order. */
struct sharers_sort {
	const struct park *park;
	int what; /* KCMP_* */
	size_t *first; /* as in struct sharers, of those in @order */
	size_t *order; /* indices of processes */
	size_t n;
	const struct sharers_pid *by_pid; /* all */
	bool unknown; /* the kernel does not tell */
};

struct sharers_pid {
	pid_t pid;
	size_t process;
};

static int sharers_compare_pids(const void *a, const void *b)
{
	return ((const struct sharers_pid *)a)->pid - ((const struct sharers_pid *)b)->pid;
}

/* Of an ended process there is nothing that it could share; one that is left out is not ours to know. */
static bool sharers_counts(const struct park_process *p)
{
	return !p->zombie && !p->skipped;
}

static long sharers_compare(struct sharers_sort *s, size_t a, size_t b)
{
	long rc = sys5(__NR_kcmp, park_alive(&s->park->processes[a]),
		       park_alive(&s->park->processes[b]), s->what, 0, 0);

	s->unknown |= rc < SHARERS_SAME || rc > SHARERS_BEHIND;
	return rc;
}

/* @a and @b have the same. */
static void sharers_join(struct sharers_sort *s, size_t a, size_t b)
{
	size_t from = s->first[a] > s->first[b] ? s->first[a] : s->first[b];
	size_t to = s->first[a] < s->first[b] ? s->first[a] : s->first[b];

	for (size_t i = 0; from != to && i < s->park->nprocesses; i++)
		if (s->first[i] == from)
			s->first[i] = to;
}

/* Those that stood in this order at the last checkpoint mostly still do: one question for each tells. */
static void sharers_suppose(struct sharers_sort *s, const struct notes_order *before, bool *listed)
{
	for (size_t i = 0; i < before->n && !s->unknown; i++) {
		const struct sharers_pid wanted = { .pid = before->at[i] }, *found;
		size_t at;
		long rc;

		found = bsearch(&wanted, s->by_pid, s->park->nprocesses, sizeof(wanted),
				sharers_compare_pids);
		if (!found || !sharers_counts(&s->park->processes[found->process]))
			continue;
		at = found->process;
		rc = s->n ? sharers_compare(s, s->order[s->n - 1], at) : SHARERS_BEFORE;
		if (rc == SHARERS_BEHIND)
			continue; /* is put in its place with those that are new */
		if (rc == SHARERS_SAME)
			sharers_join(s, s->order[s->n - 1], at);
		s->order[s->n++] = at;
		listed[at] = true;
	}
}

static void sharers_insert(struct sharers_sort *s, size_t process)
{
	size_t low = 0, high = s->n;

	while (low < high && !s->unknown) {
		size_t mid = low + (high - low) / 2;
		long rc = sharers_compare(s, process, s->order[mid]);

		if (rc == SHARERS_SAME)
			sharers_join(s, process, s->order[mid]);
		if (rc == SHARERS_BEHIND || rc == SHARERS_SAME)
			low = mid + 1;
		else
			high = mid;
		if (rc == SHARERS_SAME)
			break;
	}
	memmove(&s->order[low + 1], &s->order[low], (s->n - low) * sizeof(*s->order));
	s->order[low] = process;
	s->n++;
}

static void sharers_note(const struct sharers_sort *s, struct notes_order *before)
{
	before->n = 0;
	for (size_t i = 0; i < s->n; i++) {
		pid_t *pid = model_add(before);

		if (pid) /* else it is found out again */
			*pid = s->park->processes[s->order[i]].pid;
	}
}

static int sharers_sort(struct sharers_sort *s, struct notes_order *before, struct err *err)
{
	OWNED_PTR bool *listed = calloc(s->park->nprocesses + 1, sizeof(*listed));

	if (!listed)
		return err_set(err, ENOMEM, "compare %zu processes", s->park->nprocesses);
	sharers_suppose(s, before, listed);
	for (size_t i = 0; i < s->park->nprocesses && !s->unknown; i++)
		if (!listed[i] && sharers_counts(&s->park->processes[i]))
			sharers_insert(s, i);
	if (!s->unknown)
		sharers_note(s, before);
	for (size_t i = 0; i < s->park->nprocesses && s->unknown; i++)
		s->first[i] = i;
	return 0;
}

int sharers_find(struct sharers *s, const struct park *park, struct notes *notes, struct err *err)
{
	static const int kinds[NOTES_ORDERS] = {
		[NOTES_MEMORY] = KCMP_VM,
		[NOTES_FILES] = KCMP_FILES,
		[NOTES_FS] = KCMP_FS,
	};
	OWNED_PTR size_t *order = calloc(park->nprocesses + 1, sizeof(*order));
	OWNED_PTR struct sharers_pid *by_pid = calloc(park->nprocesses + 1, sizeof(*by_pid));
	int rc = 0;

	*s = (struct sharers){ .first = { NULL } };
	if (!order || !by_pid)
		return err_set(err, ENOMEM, "compare %zu processes", park->nprocesses);
	for (size_t i = 0; i < park->nprocesses; i++)
		by_pid[i] = (struct sharers_pid){ park->processes[i].pid, i };
	qsort(by_pid, park->nprocesses, sizeof(*by_pid), sharers_compare_pids);
	for (size_t k = 0; rc >= 0 && k < NOTES_ORDERS; k++) {
		struct sharers_sort sort = {
			.park = park, .what = kinds[k], .order = order, .by_pid = by_pid
		};

		s->first[k] = sort.first = calloc(park->nprocesses + 1, sizeof(*sort.first));
		if (!sort.first)
			return err_set(err, ENOMEM, "compare %zu processes", park->nprocesses);
		for (size_t i = 0; i < park->nprocesses; i++)
			sort.first[i] = i;
		rc = sharers_sort(&sort, &notes->order[k], err);
	}
	return rc;
}

void sharers_done(struct sharers *s)
{
	for (size_t k = 0; k < NOTES_ORDERS; k++)
		free(s->first[k]);
	*s = (struct sharers){ .first = { NULL } };
}
