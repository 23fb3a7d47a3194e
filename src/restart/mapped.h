/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors to map files through, in the process that is to have the mappings: the program's own where it
 * has one, else opened by path, each file once.
 *
 * The one rule: those of the program are at their numbers already, so what is opened here takes none of them.
 */
#pragma once

#include "base/err.h"
#include "res/res.h"
#include "restart/rebuild.h"

struct mapped {
	const struct res_restart
		*res; /* for descriptors that only other processes have; borrowed */
	const struct model *table; /* in whose image the program's own stand */
	int *vma_fd;
	int *opened;
	size_t nopened;
};

/* For all mappings of @m; and for what /proc/PID/exe is to show, into @b. On failure too: mapped_done. */
int mapped_open(struct mapped *maps, const struct model *m, struct err *err);
int mapped_open_exe(struct rebuild *b, struct mapped *maps, struct err *err);

/* Free the lists: the descriptors are closed by the plan. */
void mapped_done(struct mapped *maps);
