/* SPDX-License-Identifier: Apache-2.0 */
#include "res/unix.h"

#include "base/owned.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { NAME_PATH = offsetof(struct sockaddr_un, sun_path) };

/* The path in @name, which a kernel need not have given a NUL; "": it is no path. */
static const char *name_path(const void *name, uint32_t len, char path[UNIX_NAME_MAX + 1])
{
	uint32_t n = len > NAME_PATH ? len - NAME_PATH : 0;

	memcpy(path, (const char *)name + NAME_PATH, n);
	path[n] = '\0';
	return path;
}

uint64_t unix_name_hash(const void *name, uint32_t len)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	if (len <= NAME_PATH)
		return 0;
	for (uint32_t i = NAME_PATH; i < len; i++)
		hash = (hash ^ ((const uint8_t *)name)[i]) * 0x100000001b3;
	return hash ? hash : 1;
}

/* To @dir for a moment; a descriptor for where we were, or -1 if there is nothing to do. */
int unix_name_enter(const char *dir)
{
	int here = dir[0] ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (here >= 0 && chdir(dir) < 0)
		return here; /* whoever uses the name fails and says so */
	return here;
}

void unix_name_leave(int here)
{
	if (here < 0)
		return;
	(void)!fchdir(here); /* each process goes to its own directory later */
	close(here);
}

static void name_aside(const char *path, char aside[UNIX_NAME_MAX + 16])
{
	snprintf(aside, UNIX_NAME_MAX + 16, "%s.cairn-aside", path);
}

/* As the program did; its own directory for it may have gone with the program's end, or before. */
static int name_bind_at(int fd, const void *name, uint32_t len, const char *path)
{
	if (bind(fd, name, len) == 0)
		return 0;
	if (errno != ENOENT || !path[0])
		return -errno;
	res_make_directories(path);
	return bind(fd, name, len) < 0 ? -errno : 0;
}

static int name_bind(int fd, const void *name, uint32_t len, bool node, mode_t mode)
{
	char path[UNIX_NAME_MAX + 1], aside[UNIX_NAME_MAX + 16];
	struct stat st;
	int rc;

	name_path(name, len, path);
	if (path[0] && lstat(path, &st) == 0) {
		name_aside(path, aside);
		if (node && S_ISSOCK(st.st_mode))
			unlink(path);
		else if (!node && rename(path, aside) < 0)
			return -errno;
	}
	rc = name_bind_at(fd, name, len, path);
	if (rc >= 0 && path[0] && node)
		chmod(path, mode & 07777);
	return rc;
}

static int name_say(int rc, const void *name, uint32_t len, const char *dir, struct err *err)
{
	char path[UNIX_NAME_MAX + 1];

	name_path(name, len, path);
	return err_set(err, rc, "give a UNIX socket its name '%s%s%s' again", path[0] ? "" : "@",
		       path[0] ? path : path + 1, dir[0] ? " (a relative one)" : "");
}

int unix_name_bind(int fd, const struct unix_record *u, bool node, struct err *err)
{
	const struct unix_state *s = u->state;
	int here, rc;

	if (s->name_len <= NAME_PATH)
		return 0;
	here = unix_name_enter(u->dir);
	rc = name_bind(fd, s->name, s->name_len, node, s->node_mode);
	unix_name_leave(here);
	return rc < 0 ? name_say(rc, s->name, s->name_len, u->dir, err) : 0;
}

int unix_name_bind_other(int fd, const void *name, uint32_t len, const char *dir, struct err *err)
{
	int here = unix_name_enter(dir);
	int rc = name_bind(fd, name, len, false, 0);

	unix_name_leave(here);
	return rc < 0 ? name_say(rc, name, len, dir, err) : 0;
}

void unix_name_tidy_other(const void *name, uint32_t len, const char *dir)
{
	char path[UNIX_NAME_MAX + 1], aside[UNIX_NAME_MAX + 16];
	int here;

	if (!name_path(name, len, path)[0])
		return;
	here = unix_name_enter(dir);
	name_aside(path, aside);
	unlink(path);
	rename(aside, path); /* where there was anything */
	unix_name_leave(here);
}

void unix_name_tidy(const struct unix_record *u)
{
	unix_name_tidy_other(u->state->name, u->state->name_len, u->dir);
}

int unix_name_connect(int fd, const void *name, uint32_t len, const char *dir)
{
	int here = unix_name_enter(dir);
	int rc = connect(fd, name, len) < 0 ? -errno : 0;

	unix_name_leave(here);
	return rc;
}
