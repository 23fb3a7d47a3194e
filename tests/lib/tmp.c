/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tmp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int looks_ours(const struct dirent *d)
{
	return !strncmp(d->d_name, "cairn-", 6);
}

struct tmp tmp_look(void)
{
	struct tmp t;

	t.n = scandir("/tmp", &t.entry, looks_ours, alphasort);
	return t;
}

static void tmp_done(struct tmp *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->entry[i]);
	if (t->n >= 0)
		free(t->entry);
	t->n = -1;
}

static bool has(const struct tmp *t, const char *name)
{
	for (int i = 0; i < t->n; i++)
		if (!strcmp(t->entry[i]->d_name, name))
			return true;
	return false;
}

void tmp_compare(struct tmp *before)
{
	struct tmp now = tmp_look();

	for (int i = 0; i < now.n; i++)
		if (!has(before, now.entry[i]->d_name))
			printf("note: left in /tmp during this run: %s\n", now.entry[i]->d_name);
	tmp_done(&now);
	tmp_done(before);
}
