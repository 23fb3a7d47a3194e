/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of an inode, looked for where it is likely to be and then in the file systems of its device, what
 * lies high first. Only names and inode numbers are read, which directories have in them.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/kinds.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct find {
	dev_t dev;
	ino_t ino;
	unsigned int *left; /* entries that may still be looked at */
	struct {
		char **at;
		size_t n, room;
	} dirs; /* to be read, in order */
	char *found;
};

static void find_later(struct find *f, char *path)
{
	if (f->dirs.n == f->dirs.room) {
		size_t room = f->dirs.room ? 2 * f->dirs.room : 256;
		char **more = realloc(f->dirs.at, room * sizeof(*more));

		if (!more) {
			free(path);
			return;
		}
		f->dirs.at = more;
		f->dirs.room = room;
	}
	f->dirs.at[f->dirs.n++] = path;
}

static bool find_is(const struct find *f, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

static void find_entry(struct find *f, const char *dir, const struct dirent *e)
{
	OWNED_PTR char *path = NULL;

	if (text_equal(e->d_name, ".") || text_equal(e->d_name, "..") ||
	    (e->d_ino != f->ino && e->d_type != DT_DIR))
		return;
	if (asprintf(&path, "%s/%s", dir[1] ? dir : "", e->d_name) < 0) {
		path = NULL;
		return;
	}
	if (e->d_ino == f->ino && find_is(f, path))
		f->found = owned_ptr_take(&path);
	else if (e->d_type == DT_DIR)
		find_later(f, owned_ptr_take(&path));
}

static void find_read(struct find *f, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct stat st;

	/* What is mounted here is another file system's. */
	if (dir && (fstat(dirfd(dir), &st) < 0 || st.st_dev != f->dev)) {
		closedir(dir);
		return;
	}
	while (dir && !f->found && *f->left && (e = readdir(dir))) {
		--*f->left;
		find_entry(f, path, e);
	}
	if (dir)
		closedir(dir);
}

static void find_below(struct find *f, const char *mount)
{
	char *first = strdup(mount);

	if (!first)
		return;
	if (find_is(f, mount)) {
		f->found = first;
		return;
	}
	find_later(f, first);
	for (size_t i = 0; !f->found && *f->left && i < f->dirs.n; i++)
		find_read(f, f->dirs.at[i]);
	for (size_t i = 0; i < f->dirs.n; i++)
		free(f->dirs.at[i]);
	f->dirs.n = 0;
}

int res_find_mount(dev_t dev)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	OWNED_PTR char *line = NULL;
	unsigned int major, minor;
	size_t size = 0;
	int fd = -1;

	while (mounts && fd < 0 && getline(&line, &size, mounts) > 0) {
		OWNED_PTR char *mount = NULL;
		struct stat st;

		if (sscanf(line, "%*d %*d %u:%u %*s %ms", &major, &minor, &mount) == 3 &&
		    makedev(major, minor) == dev && stat(mount, &st) == 0 && st.st_dev == dev)
			fd = open(mount, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	if (mounts)
		fclose(mounts);
	return fd;
}

char *res_find_inode(dev_t dev, ino_t ino, const char *likely, unsigned int *left)
{
	struct find f = { .dev = dev, .ino = ino, .left = left };
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	OWNED_PTR char *line = NULL;
	unsigned int major, minor;
	size_t size = 0;

	if (likely)
		find_below(&f, likely);
	while (mounts && !f.found && *left && getline(&line, &size, mounts) > 0) {
		OWNED_PTR char *mount = NULL;

		if (sscanf(line, "%*d %*d %u:%u %*s %ms", &major, &minor, &mount) == 3 &&
		    makedev(major, minor) == dev)
			find_below(&f, mount);
	}
	if (mounts)
		fclose(mounts);
	free(f.dirs.at);
	return f.found;
}
