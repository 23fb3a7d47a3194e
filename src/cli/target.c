/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target.h"
#include "base/owned.h"
#include "cli/ckptdir.h"
#include "coord/generation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A generation keeps being one under another name, say in somebody's archive. */
static bool target_is_generation(const char *path)
{
	char manifest[PATH_MAX];
	int n;

	if (ckptdir_is_generation(path))
		return true;
	n = snprintf(manifest, sizeof(manifest), "%s/manifest.json", path);
	return n < (int)sizeof(manifest) && !access(manifest, F_OK);
}

static int target_newest(struct target *t, const char *dir, struct err *err)
{
	struct generation_list list;

	if (generation_list_load(&list, dir, err) < 0)
		return -err->num;
	if (!list.n)
		err_say(err, ENOENT, "no complete checkpoint in '%s'", dir);
	else if (asprintf(&t->path, "%s/gen-%06u", dir, list.numbers[list.n - 1]) < 0)
		err_set(err, ENOMEM, "open '%s'", dir);
	generation_list_done(&list);
	return t->path ? 0 : -err->num;
}

int target_find(struct target *t, const char *given, const struct options_common *common,
		struct err *err)
{
	OWNED_PTR char *path = ckptdir_find(given, common, err);
	struct stat st;

	*t = (struct target){ 0 };
	if (!path)
		return -err->num;
	if (stat(path, &st) < 0)
		return err_set(err, errno, "'%s'", path);
	t->is_file = !S_ISDIR(st.st_mode);
	if (!t->is_file && !target_is_generation(path))
		return target_newest(t, path, err);
	t->path = owned_ptr_take(&path);
	return 0;
}

void target_done(struct target *t)
{
	free(t->path);
	*t = (struct target){ 0 };
}
