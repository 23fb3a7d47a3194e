/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a restart's own descriptors stand: at numbers that no process of the program has, and enough of
 * them in a row. Above all, if the limit leaves room there; a program may hold the very last ones.
 */
#include "base/owned.h"
#include "host/fault.h"
#include "res/kinds.h"

#include <stdlib.h>
#include <sys/resource.h>

enum {
	ROOM_MARGIN = 64, /* what is open for a moment only */
	ROOM_MARGIN_LATE = 8, /* the same, once the program's numbers are in place */
	ROOM_LIMIT_MAX = 1 << 20,
	ROOM_HERE_MIN = 16,
};

/* Descriptors for its mappings: of each file that is mapped, and of the program itself. */
static size_t room_mapped(const struct model *m)
{
	size_t n = 1;

	for (size_t i = 0; i < m->files.n; i++)
		n += m->files.at[i].kind == IMG_F_MAPPED;
	return n;
}

/*
 * Descriptions, and for each perhaps the other end of its pair; what those need for their mappings who share
 * another's descriptors.
 */
static int room_needed(const struct res_restart *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nmodels; i++)
		if (model_shares(r->models[i], IMG_SHARE_FILES))
			n += room_mapped(r->models[i]);
	n = (n + 1) / 2;
	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->files.n; k++)
			n += r->models[i]->files.at[k].kind != IMG_F_MAPPED;
	return 2 * (int)n;
}

/* Terminals inside, which stay open until all processes are there. */
static int room_terminals(const struct res_restart *r)
{
	int n = 0;

	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->files.n; k++)
			n += r->models[i]->files.at[k].kind == IMG_F_PTMX;
	return n;
}

/* Behind the highest number; they are in order. */
static int room_above(const struct res_restart *r)
{
	int base = ROOM_LOWEST;

	for (size_t i = 0; i < r->nmodels; i++) {
		const struct model *m = r->models[i];

		if (m->fds.n && m->fds.at[m->fds.n - 1].fd >= base)
			base = m->fds.at[m->fds.n - 1].fd + 1;
	}
	return base;
}

/* The first @needed numbers from @first up and below @limit that nobody has; -1: there are none. */
static int room_between(const struct res_restart *r, int first, int needed, int limit)
{
	OWNED_PTR bool *taken = calloc((size_t)limit, sizeof(*taken));

	if (!taken)
		return -1;
	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->fds.n; k++)
			if (r->models[i]->fds.at[k].fd < limit)
				taken[r->models[i]->fds.at[k].fd] = true;
	for (int fd = first; fd < limit; fd++) {
		if (taken[fd])
			first = fd + 1;
		else if (fd + 1 - first >= needed)
			return first;
	}
	return -1;
}

/*
 * The limit, as far as it can be raised: to the hard one, whatever the soft one is, and beyond that, to
 * @wanted, by who may. The program's own are set again later.
 */
static int room_limit(int wanted)
{
	struct rlimit limit = { ROOM_LIMIT_MAX, ROOM_LIMIT_MAX }, more;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		more.rlim_cur = more.rlim_max =
			limit.rlim_max < (rlim_t)wanted ? (rlim_t)wanted : limit.rlim_max;
		if (fault_point("room.raise") || setrlimit(RLIMIT_NOFILE, &more) < 0) {
			more.rlim_cur = more.rlim_max = limit.rlim_max;
			setrlimit(RLIMIT_NOFILE, &more);
		}
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur < ROOM_LIMIT_MAX ? (int)limit.rlim_cur : ROOM_LIMIT_MAX;
}

/*
 * For a moment a process has both its own descriptors and one for each file that is mapped, by it and by
 * those who share its descriptors.
 */
static int room_check(const struct res_restart *r, const struct model *m, int limit,
		      struct err *err)
{
	size_t mapped = room_mapped(m);

	if (model_shares(m, IMG_SHARE_FILES))
		return 0;
	for (size_t i = 0; i < r->nmodels; i++)
		if (model_shares(r->models[i], IMG_SHARE_FILES) == m->process.pid)
			mapped += room_mapped(r->models[i]);
	if (m->fds.n + mapped + ROOM_MARGIN_LATE <= (size_t)limit)
		return 0;
	return err_say(err, EMFILE,
		       "process %d holds %zu descriptors and %zu files mapped: a restart needs %d "
		       "descriptors more, and the limit (ulimit -Hn) is %d",
		       m->process.pid, m->fds.n, mapped, ROOM_MARGIN_LATE, limit);
}

/* There is no room for all of it: only for what must be open while each process takes what it has. */
static int room_tight(struct res_restart *r, int top, int more, int limit, struct err *err)
{
	int above = room_above(r), few = 1 + more + 3 + room_terminals(r) + ROOM_MARGIN_LATE;
	int most = limit - ROOM_MARGIN - few;

	for (size_t i = 0; i < r->nmodels; i++)
		if (room_check(r, r->models[i], limit, err) < 0)
			return -err->num;
	most = most < ROOM_HERE_MIN ? ROOM_HERE_MIN : most;
	few += room_needed(r) / most + 1; /* shelves */
	/* What must stay open is moved upwards. */
	r->base = room_between(r, top < ROOM_LOWEST ? ROOM_LOWEST : top + 1, few, limit);
	if (r->base >= 0)
		return shelf_begin(r, most, err);
	return err_say(err, EMFILE,
		       "the program has descriptors up to %d, of %d that the limit allows (ulimit "
		       "-Hn): a restart needs %d in a row that none of its processes has",
		       above - 1, limit, few);
}

int res_room(struct res_restart *r, int top, int more, struct err *err)
{
	int above = room_above(r), needed = room_needed(r) + top + more + ROOM_MARGIN;
	int limit = room_limit(above + needed);

	r->base = above;
	if (above + needed > limit)
		r->base = room_between(r, ROOM_LOWEST, needed, limit);
	return r->base < 0 ? room_tight(r, top, more, limit, err) : 0;
}
