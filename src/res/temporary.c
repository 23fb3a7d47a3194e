/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places for files that need not last: those that everybody has, and what the environment of a process names
 * as its own, as batch systems do for each job.
 */
#include "base/owned.h"
#include "base/text.h"
#include "host/proc.h"
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

static int temporary_add(struct res_capture *c, const char *named, struct err *err)
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

int temporary_look(struct res_capture *c, pid_t pid, struct err *err)
{
	static const char *const names[] = { "TMPDIR=/", "TMP=/", "TEMP=/" };
	const size_t n = sizeof(names) / sizeof(names[0]);
	OWNED_PTR char *environ = NULL;
	const char *at, *dir;
	size_t len = 0;
	int rc = 0;

	if (proc_read_record(pid, "environ", &environ, &len, NULL) < 0)
		return 0; /* not for us to see: it names none */
	for (at = environ; rc >= 0 && (dir = proc_next_variable(&at, environ + len, names, n));)
		rc = temporary_add(c, dir, err);
	return rc;
}

void temporary_done(struct res_capture *c)
{
	for (size_t i = 0; i < c->ntemporary; i++)
		free(c->temporary[i]);
	free(c->temporary);
	c->temporary = NULL;
	c->ntemporary = 0;
}
