/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/jobdir.h"

#include "base/owned.h"
#include "cli/ckptdir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int jobdir_find(struct jobdir *j, const struct options_common *given, struct err *err)
{
	struct options_common c = *given;
	OWNED_PTR char *dir = NULL;

	c.name = j->name;
	dir = ckptdir_find(NULL, &c, err);
	if (!dir)
		return -err->num;
	free(j->dir);
	j->dir = path_absolute(dir);
	return j->dir ? 0 : err_set(err, errno, "checkpoint directory '%s'", dir);
}

static int jobdir_refuse(const struct jobdir *j, const struct leg *leg, const char *how,
			 struct err *err)
{
	OWNED_PTR char *command = ledger_command(&leg->ledger);

	return err_say(err, EEXIST,
		       "'%s' belongs to another command (%s), which %s: this one wants another "
		       "directory (-d) or name (-n)",
		       j->dir, command ? command : "?", how);
}

/* Its owner says that it is the same job; whose end it has is another matter. */
static int jobdir_open_given(struct jobdir *j, struct leg *leg, char *const *argv, bool fresh,
			     struct err *err)
{
	OWNED_PTR char *command = NULL;
	int status;

	if (leg_open(leg, j->dir, 0, err) < 0)
		return -err->num;
	if (fresh || ledger_is_of(&leg->ledger, argv))
		return 0;
	if (ledger_is_finished(leg->lock.dirfd, &status))
		return jobdir_refuse(j, leg, "has finished; --fresh starts anew", err);
	command = ledger_command(&leg->ledger);
	fprintf(stderr,
		"cairn: this job had another command in its last leg (%s), and is gone on with\n",
		command ? command : "?");
	return 0;
}

/* The one of the program's name, if it is ours or nobody's; 0: it is another's. */
static int jobdir_try(struct jobdir *j, struct leg *leg, char *const *argv, struct err *err)
{
	int status;

	if (leg_open(leg, j->dir, place_mark(argv), err) < 0)
		return leg->lock.others ? 0 : -err->num;
	if (ledger_is_of(&leg->ledger, argv))
		return 1;
	if (ledger_is_finished(leg->lock.dirfd, &status))
		return 0;
	return jobdir_refuse(j, leg, "has not come to its end", err);
}

int jobdir_open(struct jobdir *j, struct leg *leg, const struct options_common *given,
		char *const *argv, bool fresh, struct err *err)
{
	struct jobdir marked = { 0 };
	int rc = 0;

	if (given->name)
		snprintf(j->name, sizeof(j->name), "%s", given->name);
	else
		place_name(&leg->place, argv, false, j->name, sizeof(j->name));
	if (jobdir_find(j, given, err) < 0)
		return -err->num;
	if (given->name || given->ckpt_dir)
		return jobdir_open_given(j, leg, argv, fresh, err);
	place_name(&leg->place, argv, true, marked.name, sizeof(marked.name));
	if (jobdir_find(&marked, given, err) < 0)
		return -err->num;
	/* Once it has one of its own it stays with that, whoever comes first in a later leg. */
	if (access(marked.dir, F_OK))
		rc = jobdir_try(j, leg, argv, err);
	if (rc) {
		free(marked.dir);
		return rc < 0 ? rc : 0;
	}
	leg_close(leg);
	free(j->dir);
	*j = marked;
	*err = ERR_INIT;
	return leg_open(leg, j->dir, place_mark(argv), err);
}
