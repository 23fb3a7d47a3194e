/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a restart's own descriptors stand: at numbers that no process of the program has, and enough of
 * them in a row. Above all, if the limit leaves room there; a program may hold the very last ones.
 */
#include "base/owned.h"
#include "res/kinds.h"

#include <stdlib.h>
#include <sys/resource.h>

enum {
	ROOM_LOWEST = 16,
	ROOM_MARGIN = 64, /* what is open for a moment only */
	ROOM_LIMIT_MAX = 1 << 20,
};

/* Descriptions, and for each perhaps the other end of its pair. */
static int room_needed(const struct res_restart *r, int more)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->files.n; k++)
			n += r->models[i]->files.at[k].kind != IMG_F_MAPPED;
	return 2 * (int)n + more + ROOM_MARGIN;
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

/* The first @needed numbers below @limit that nobody has; -1: there are none. */
static int room_between(const struct res_restart *r, int needed, int limit)
{
	OWNED_PTR bool *taken = calloc((size_t)limit, sizeof(*taken));
	int first = ROOM_LOWEST;

	if (!taken)
		return -1;
	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->fds.n; k++)
			if (r->models[i]->fds.at[k].fd < limit)
				taken[r->models[i]->fds.at[k].fd] = true;
	for (int fd = ROOM_LOWEST; fd < limit; fd++) {
		if (taken[fd])
			first = fd + 1;
		else if (fd + 1 - first >= needed)
			return first;
	}
	return -1;
}

int res_room(const struct res_restart *r, int more)
{
	int above = room_above(r), needed = room_needed(r, more), between;
	struct rlimit limit;
	rlim_t most = ROOM_LIMIT_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most)
		most = limit.rlim_cur;
	if ((rlim_t)above + (rlim_t)needed <= most)
		return above;
	between = room_between(r, needed, (int)most);
	return between < 0 ? above : between;
}
