/* SPDX-License-Identifier: Apache-2.0 */
/* Files that only the user's patterns name: the program has them closed just now, and writes them. */
#include "base/owned.h"
#include "host/procid.h"
#include "res/described.h"
#include "res/policy.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool named_is_known(const struct res_capture *c, const struct model *m,
			   const struct stat *st)
{
	for (size_t i = 0; i < c->ndescribed; i++)
		if (c->described[i].dev == st->st_dev && c->described[i].ino == st->st_ino)
			return true;
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.at[i].kind == IMG_F_NAMED && m->files.at[i].dev == st->st_dev &&
		    m->files.at[i].ino == st->st_ino)
			return true;
	return false;
}

/* Another user's, that the program may not write: a pattern for files in /tmp fits those of others, too. */
static bool named_is_foreign(const char *path, const struct stat *st)
{
	return st->st_uid != geteuid() && eaccess(path, W_OK);
}

static int named_add(struct res_capture *c, struct model *m, const char *path, struct err *err)
{
	enum res_policy policy = res_policy_of(c->policies, path);
	OWNED_FD int fd = -1;
	struct img_file *f;
	struct stat st;
	size_t at = m->files.n;

	if ((policy != RES_POLICY_SAVE && policy != RES_POLICY_ROLLBACK) || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode) || named_is_known(c, m, &st) || named_is_foreign(path, &st))
		return 0;
	if (policy == RES_POLICY_SAVE)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (policy == RES_POLICY_SAVE && fd < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open '%s' to save it", path);
	f = res_capture_file(c, m);
	if (!f || model_put_string(m, &m->files.at[at].path, path) < 0)
		return err_set(err, ENOMEM, "keep '%s'", path);
	f = &m->files.at[at];
	f->kind = IMG_F_NAMED;
	f->flags = IMG_FILE_ROLLBACK;
	f->mode = st.st_mode;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	return fd < 0 ? 0 : res_save_file(m, f, fd, path, err);
}

/* Where to look for what @rule names; NULL: no memory, or the directory is gone. */
static char *named_pattern(const struct res_rule *rule, pid_t pid)
{
	OWNED_PTR char *cwd = NULL;
	char link[64];

	if (*rule->pattern == '/')
		return strdup(rule->pattern);
	procid_path(link, sizeof(link), pid, "cwd");
	cwd = realpath(link, NULL);
	return cwd ? res_policy_in(cwd, rule->pattern) : NULL;
}

int res_capture_named(struct res_capture *c, struct model *m, pid_t pid, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; c->policies && rc >= 0 && i < c->policies->n; i++) {
		const struct res_rule *rule = &c->policies->at[i];
		OWNED_PTR char *pattern = named_pattern(rule, pid);
		glob_t found;

		if (!pattern)
			continue;
		if (rule->policy == RES_POLICY_KEEP || glob(pattern, 0, NULL, &found))
			continue; /* there are none now */
		for (size_t k = 0; rc >= 0 && k < found.gl_pathc; k++)
			rc = named_add(c, m, found.gl_pathv[k], err);
		globfree(&found);
	}
	return rc;
}
