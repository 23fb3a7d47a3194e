/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places for files that need not last: those that everybody has, and what the environment of a process names
 * as its own, as batch systems do for each job.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/kinds.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool res_is_temporary(const struct res_capture *c, const char *path)
{
	for (size_t i = 0; i < c->ntemporary; i++)
		if (text_starts(path, c->temporary[i]) && path[strlen(c->temporary[i])] == '/')
			return true;
	return text_starts(path, "/tmp/") || text_starts(path, "/dev/shm/") ||
	       text_starts(path, "/run/");
}

int temporary_add(struct res_capture *c, const char *named, struct err *err)
{
	OWNED_PTR char *dir = realpath(named, NULL);
	char **more;

	/* What has gone is known by the name alone. */
	if (!dir && !(dir = strdup(named)))
		return err_set(err, ENOMEM, "keep the name of a directory");
	if (!dir[1])
		return 0; /* not the whole system */
	for (size_t i = 0; i < c->ntemporary; i++)
		if (text_equal(c->temporary[i], dir))
			return 0;
	more = realloc(c->temporary, (c->ntemporary + 1) * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "keep the name of a directory");
	c->temporary = more;
	c->temporary[c->ntemporary++] = owned_ptr_take(&dir);
	return 0;
}

void temporary_done(struct res_capture *c)
{
	for (size_t i = 0; i < c->ntemporary; i++)
		free(c->temporary[i]);
	free(c->temporary);
	c->temporary = NULL;
	c->ntemporary = 0;
}
