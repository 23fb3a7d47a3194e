/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ckptdir.h"
#include "base/text.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ckptdir_is_generation(const char *path)
{
	const char *p = strrchr(path, '/');
	const char *end;
	uint64_t number;

	p = p ? p + 1 : path;
	if (!text_starts(p, "gen-"))
		return false;
	p += 4;
	end = p + strlen(p);
	return text_scan(&p, end, 10, &number) && p == end;
}

/* The only ./cairn-* with a generation in it. */
static char *ckptdir_look(struct err *err)
{
	char names[256] = "";
	size_t n = 0, len = 0;
	char *found = NULL, *last = NULL;
	glob_t g;

	if (!glob("cairn-*/gen-*/manifest.json", 0, NULL, &g)) {
		for (size_t i = 0; i < g.gl_pathc; i++) {
			g.gl_pathv[i][strcspn(g.gl_pathv[i], "/")] = '\0';
			if (last && !strcmp(last, g.gl_pathv[i]))
				continue;
			last = g.gl_pathv[i];
			len += text_format(names + len, sizeof(names) - len, "%s%s", n ? ", " : "",
					   last);
			n++;
		}
		if (n == 1)
			found = strdup(last);
	}
	globfree(&g);
	if (!found)
		err_say(err, ENOENT,
			n ? "several checkpoint directories are here, name one: %s"
			  : "no checkpoint directory here: name one (-d DIR)%s",
			names);
	return found;
}

/* The next line of @f, malloc'd; NULL: there is none. */
static char *ckptdir_line(FILE *f)
{
	char *line = NULL;
	size_t room = 0;

	if (getline(&line, &room, f) > 0 && text_drop_end(line, "\n"))
		return line;
	free(line);
	return NULL;
}

/* What a process's file (coord/restart_files.h) names: the directory beside it, else where that was. */
static char *ckptdir_beside(const char *file)
{
	const char *last = strrchr(file, '/');
	FILE *f = text_ends(file, ".dmtcp") ? fopen(file, "re") : NULL;
	char *beside, *there, *dir = NULL;

	if (!f)
		return NULL;
	beside = ckptdir_line(f);
	there = ckptdir_line(f);
	fclose(f);
	if (beside && text_ends(beside, "_files") && !strchr(beside, '/') &&
	    asprintf(&dir, "%.*s%s", last ? (int)(last + 1 - file) : 0, file, beside) < 0)
		dir = NULL;
	free(beside);
	if (dir && there && access(dir, F_OK) && !access(there, F_OK)) {
		free(dir);
		return there;
	}
	free(there);
	return dir;
}

char *ckptdir_find(const char *given, const struct options_common *common, struct err *err)
{
	char *dir = NULL;

	if (!given)
		given = common->ckpt_dir;
	if (given) {
		dir = ckptdir_beside(given);
		return dir ? dir : strdup(given);
	}
	if (!common->name)
		return ckptdir_look(err);
	if (asprintf(&dir, "cairn-%s", common->name) < 0) {
		err_set(err, ENOMEM, "checkpoint directory");
		return NULL;
	}
	return dir;
}
