/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which checkpoint directory, and with it which name, a job has: what it was given; else that of the
 * program's name, or, where another command has that, one with a mark of the command line besides.
 *
 * The one rule: a directory belongs to one command. No program is left out because another one has finished
 * there, and none is gone on with in the place of another unless its owner has named the directory.
 */
#pragma once

#include "base/err.h"
#include "cli/leg.h"
#include "host/options.h"
#include "host/path.h"

struct jobdir {
	char name[PATH_NAME_MAX + 1];
	char *dir; /* absolute; malloc'd */
};

/* Find it and take it for @leg (leg_open). @fresh: what the directory holds is to be forgotten. */
int jobdir_open(struct jobdir *j, struct leg *leg, const struct options_common *given,
		char *const *argv, bool fresh, struct err *err);
