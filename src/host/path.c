/* SPDX-License-Identifier: Apache-2.0 */
#include "host/path.h"
#include "base/owned.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._+@%=,:-", c));
}

int path_check_name(const char *name, struct err *err)
{
	if (!*name)
		return err_say(err, EINVAL, "a computation's name cannot be empty");
	if (strlen(name) > PATH_NAME_MAX)
		return err_say(err, EINVAL, "the name '%.20s...' is longer than %d characters",
			       name, PATH_NAME_MAX);
	if (*name == '.' || *name == '-')
		return err_say(err, EINVAL, "the name '%s' must not begin with '%c'", name, *name);
	for (const char *p = name; *p; p++)
		if (!path_name_char(*p))
			return err_say(err, EINVAL,
				       "the name '%s' may hold only letters, digits and ._+@%%=,:-",
				       name);
	return 0;
}

void path_make_name(char *name, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size && n < PATH_NAME_MAX; text++)
		name[n++] = path_name_char(*text) ? *text : '_';
	name[n] = '\0';
	if (!n)
		snprintf(name, size, "program");
	if (*name == '.' || *name == '-')
		*name = '_';
}

static bool path_is_ours(const char *dir)
{
	struct stat st;

	return !lstat(dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

int path_run_roots(struct path_roots *roots, struct err *err)
{
	const char *own = getenv("CAIRN_RUNDIR");
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	OWNED_PTR char *abs = NULL;

	roots->n = 0;
	if (own && *own) {
		abs = path_absolute(own);
		if (!abs || !text_copy(roots->dir[roots->n++], PATH_ROOT_MAX, abs))
			return err_set(err, ENAMETOOLONG, "CAIRN_RUNDIR '%s'", own);
		return 0;
	}
	if (xdg && *xdg == '/' && strlen(xdg) < PATH_ROOT_MAX - 8 && path_is_ours(xdg) &&
	    !access(xdg, W_OK))
		text_format(roots->dir[roots->n++], PATH_ROOT_MAX, "%s/cairn", xdg);
	text_format(roots->dir[roots->n++], PATH_ROOT_MAX, "/tmp/cairn-%u", geteuid());
	return 0;
}

int path_make_private(const char *dir, struct err *err)
{
	struct stat st;

	if (path_make_all(dir, 0700, err) < 0)
		return -err->num;
	if (lstat(dir, &st))
		return err_set(err, errno, "look at '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return err_say(err, ENOTDIR, "'%s' is not a directory", dir);
	if (st.st_uid != geteuid())
		return err_say(
			err, EPERM,
			"'%s' belongs to user %u, not to us: set CAIRN_RUNDIR to a directory "
			"of your own",
			dir, st.st_uid);
	if ((st.st_mode & 077) && chmod(dir, 0700))
		return err_set(err, errno, "make '%s' private", dir);
	return 0;
}

char *path_absolute(const char *path)
{
	OWNED_PTR char *cwd = NULL;
	char *abs;

	if (*path == '/')
		return strdup(path);
	while (path[0] == '.' && path[1] == '/')
		for (path += 2; *path == '/'; path++)
			;
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&abs, "%s/%s", strcmp(cwd, "/") ? cwd : "", path) < 0)
		return NULL;
	return abs;
}

int path_make_all(const char *dir, unsigned int mode, struct err *err)
{
	OWNED_PTR char *copy = strdup(dir);

	if (!copy)
		return err_set(err, ENOMEM, "make '%s'", dir);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) && errno != EEXIST && errno != EROFS && errno != EACCES)
			return err_set(err, errno, "make directory '%s'", copy);
		*p = '/';
	}
	if (mkdir(copy, mode) && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", copy);
	return 0;
}
