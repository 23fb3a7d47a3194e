/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the name of a UNIX socket stands by now: the program may have gone elsewhere since it gave a relative
 * one, or have renamed or removed it. The kernel tells the inode to everybody, and the path to who may
 * administer the network; everybody else looks for the inode where it is likely to be.
 */
#include "base/owned.h"
#include "base/text.h"
#include "host/proc.h"
#include "host/procid.h"
#include "res/kinds.h"
#include "res/unix.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

struct node_look {
	const struct res_seen *seen;
	const char *name;
	dev_t dev;
	ino_t ino;
	struct unix_node *node;
	char *environ; /* of the process, as it was started */
	size_t environ_len;
};

/* The device of the file system that @path is in. On overlays and btrfs, stat(2) shows another one. */
static dev_t node_device(const char *path)
{
	OWNED_PTR char *line = NULL;
	unsigned int major, minor;
	unsigned long long id;
	struct statx x;
	size_t size = 0;
	dev_t dev = 0;
	FILE *mounts;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &x) < 0 ||
	    !(x.stx_mask & STATX_MNT_ID))
		return 0;
	mounts = fopen("/proc/self/mountinfo", "re");
	while (mounts && !dev && getline(&line, &size, mounts) > 0)
		if (sscanf(line, "%llu %*d %u:%u", &id, &major, &minor) == 3 && id == x.stx_mnt_id)
			dev = makedev(major, minor);
	if (mounts)
		fclose(mounts);
	return dev;
}

static bool node_is(const struct node_look *look, const char *path, struct stat *st)
{
	return lstat(path, st) == 0 && S_ISSOCK(st->st_mode) && st->st_ino == look->ino &&
	       (st->st_dev == look->dev || node_device(path) == look->dev);
}

static void node_take(struct unix_node *node, const struct stat *st)
{
	node->mode = st->st_mode;
	node->uid = st->st_uid;
	node->gid = st->st_gid;
}

/* Does it stand at its name, counted from @base? */
static bool node_at(const struct node_look *look, const char *base)
{
	OWNED_PTR char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", base, look->name) < 0) {
		path = NULL;
		return false;
	}
	if (!node_is(look, path, &st))
		return false;
	node_take(look->node, &st);
	return true;
}

/*
 * It stands at @path, a path from our root. A relative name counts from what is above it there, if it still
 * is that name.
 */
static bool node_found(const struct node_look *look, const char *path)
{
	struct unix_node *node = look->node;
	const char *name = look->name;
	size_t len = strlen(path), above;
	struct stat st;

	if (len >= sizeof(node->path) || !node_is(look, path, &st))
		return false;
	node_take(node, &st);
	while (text_starts(name, "./"))
		name += 2;
	above = len - strlen(name);
	if (name[0] != '/' && strlen(name) < len && path[above - 1] == '/' &&
	    text_equal(path + above, name))
		text_copy(node->dir, above > 1 ? above : 2, path);
	else
		strcpy(node->path, path);
	return true;
}

/* Under another name, in the directory of @path. */
static bool node_renamed(const struct node_look *look, const char *path)
{
	OWNED_PTR char *other = malloc(PATH_MAX);

	return other && text_copy(other, PATH_MAX, path) &&
	       res_linked_name(other, PATH_MAX, look->dev, look->ino) && node_found(look, other);
}

/* The same of its name as counted from @dir; "": an absolute one. */
static bool node_beside(const struct node_look *look, const char *dir)
{
	OWNED_PTR char *path = NULL;

	if (asprintf(&path, "%s%s%s", dir, dir[0] ? "/" : "", look->name) < 0) {
		path = NULL;
		return false;
	}
	return node_renamed(look, path);
}

/* A directory that the program was started in, or came there from: the next one in its @environ. */
static const char *node_start(const char **environ, const char *end)
{
	static const char *const names[] = { "PWD=/", "OLDPWD=/" };

	return proc_next_variable(environ, end, names, sizeof(names) / sizeof(names[0]));
}

/* Does a relative name count from @dir? */
static bool node_from(const struct node_look *look, const char *dir)
{
	return (node_at(look, dir) || node_beside(look, dir)) &&
	       text_copy(look->node->dir, sizeof(look->node->dir), dir);
}

/* From a directory above the one where the process is. */
static bool node_above(const struct node_look *look)
{
	OWNED_PTR char *dir = strdup(look->node->dir);
	char *slash;

	while (dir && (slash = strrchr(dir, '/'))) {
		slash[slash == dir] = '\0';
		if (node_from(look, dir))
			return true;
		*slash = '\0';
	}
	return false;
}

/* Where a program is most likely to have been when it gave a relative name. */
static bool node_where_it_was(const struct node_look *look)
{
	const char *dir, *at = look->environ;
	OWNED_PTR char *ours = NULL;

	if (look->name[0] == '/')
		return false;
	while ((dir = node_start(&at, look->environ + look->environ_len)))
		if (node_from(look, dir))
			return true;
	ours = getcwd(NULL, 0);
	return (ours && node_from(look, ours)) || node_above(look);
}

/* Is the process where it was started? Then it was there, too, when it gave the name. */
static bool node_has_stayed(const struct node_look *look)
{
	const char *dir, *at = look->environ;
	struct stat here, there;

	if (stat(look->node->dir, &here) < 0)
		return false;
	while ((dir = node_start(&at, look->environ + look->environ_len)))
		if (stat(dir, &there) == 0 && there.st_dev == here.st_dev &&
		    there.st_ino == here.st_ino)
			return true;
	return stat(".", &there) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

/* Below where the process is, then anywhere in its file system, as far as there is patience for it. */
static bool node_far(const struct node_look *look)
{
	OWNED_PTR char *path =
		res_find_inode(look->dev, look->ino, look->node->dir[0] ? look->node->dir : NULL,
			       &look->seen->capture->entries_left);

	return path && node_found(look, path);
}

/* The kernel has told the file itself. It may have another name than the one that it was bound to. */
static int node_told(const struct node_look *look, int file, struct err *err)
{
	OWNED_PTR char *path = calloc(1, PATH_MAX);
	char via[64];

	text_format(via, sizeof(via), "/proc/self/fd/%d", file);
	if (!path || readlink(via, path, PATH_MAX - 1) < 0)
		return err_set(err, path ? errno : ENOMEM, "look for the name of descriptor %d",
			       look->seen->fd);
	if (node_found(look, path))
		return 0;
	text_drop_end(path, " (deleted)");
	if (node_renamed(look, path))
		return 0;
	return err_say(err, ENOTSUP,
		       "descriptor %d is a UNIX socket that was bound to '%s', and whose name is "
		       "another one by now, which cannot be found; bind it where it stays",
		       look->seen->fd, look->name);
}

/* Is there nothing that speaks for a relative name elsewhere than here? */
static int node_gone(const struct node_look *look, struct err *err)
{
	if (look->seen->capture->entries_left || look->name[0] == '/' || node_has_stayed(look))
		return 0;
	return err_say(
		err, ENOTSUP,
		"descriptor %d is a UNIX socket that was bound to the relative name '%s', "
		"and it cannot be told in which directory that is, or whether it was removed; "
		"bind it by an absolute path",
		look->seen->fd, look->name);
}

/* The directory that the name counts from now, as we reach it: *@base, and as the program does. */
static void node_here(const struct node_look *look, char *base, size_t size)
{
	struct unix_node *node = look->node;
	ssize_t n;

	text_format(base, size, "/proc/%d/%s", procid_shown(look->seen->pid),
		    look->name[0] == '/' ? "root" : "cwd");
	if (look->name[0] == '/')
		return;
	n = readlink(base, node->dir, sizeof(node->dir) - 1);
	node->dir[n > 0 ? n : 0] = '\0';
}

static int node_search(struct node_look *look, struct err *err)
{
	OWNED_PTR char *environ = NULL;

	if (proc_read(look->seen->pid, "environ", &environ, &look->environ_len,
		      &(struct err){ 0 }) >= 0)
		look->environ = environ;
	else
		look->environ_len = 0;
	if (node_beside(look, look->node->dir) || node_where_it_was(look) || node_far(look))
		return 0;
	return node_gone(look, err);
}

int unix_node_find(const struct res_seen *seen, const struct sockdiag_unix *diag, const char *name,
		   bool wanted, struct unix_node *node, struct err *err)
{
	struct node_look look = { .seen = seen, .name = name, .node = node };
	OWNED_FD int file = ioctl(seen->dup, SIOCUNIXFILE);
	struct stat st;
	char base[64];

	*node = (struct unix_node){ .mode = 0 };
	look.dev = makedev(diag->node_dev >> 20, diag->node_dev & 0xfffff);
	look.ino = diag->node_ino;
	if (file >= 0 && fstat(file, &st) == 0) {
		look.dev = st.st_dev;
		look.ino = st.st_ino;
	}
	node_here(&look, base, sizeof(base));
	if (node_at(&look, base) || !wanted || (file >= 0 && !st.st_nlink))
		return 0;
	if (file >= 0)
		return node_told(&look, file, err);
	return node_search(&look, err);
}
