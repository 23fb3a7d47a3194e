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
#include <time.h>
#include <unistd.h>

enum {
	NAME_PATH = offsetof(struct sockaddr_un, sun_path),
	NAME_TRIES = 100,
	NAME_PAUSE_NS = 10000000,
};

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

/* What a socket is bound to, and what shall become of its name then. */
struct name_bind {
	const void *name;
	uint32_t len, mode;
	bool node; /* it is to be found by others */
	const char *moved; /* there; "": at its name */
	const char *owner; /* "user group"; "": not known */
	char path[UNIX_NAME_MAX + 1];
};

static bool name_stays(const struct name_bind *b)
{
	return b->node && !b->moved[0];
}

/* What is in the place of the name is left over from before, or stays there: put aside for a moment. */
static int name_clear(const struct name_bind *b, const char *aside, bool *kept)
{
	struct stat st;

	*kept = false;
	if (lstat(b->path, &st) < 0)
		return 0;
	if (name_stays(b))
		return S_ISSOCK(st.st_mode) && unlink(b->path) < 0 ? -errno : 0;
	if (rename(b->path, aside) < 0)
		return -errno;
	*kept = true;
	return 0;
}

/* Of the directories above @path: the length of the first one that is not there; 0: all are. */
static size_t name_missing(const char *path)
{
	char copy[UNIX_NAME_MAX + 1];

	strcpy(copy, path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (access(copy, F_OK) < 0)
			return (size_t)(slash - copy);
		*slash = '/';
	}
	return 0;
}

/* As the program did; its own directory for it may have gone with the program's end, or before: *@made. */
static int name_bind_at(int fd, const struct name_bind *b, size_t *made)
{
	if (bind(fd, b->name, b->len) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	*made = name_missing(b->path);
	res_make_directories(b->path);
	return bind(fd, b->name, b->len) < 0 ? -errno : 0;
}

/* Directories that were made for a name which is gone again. */
static void name_unmake(const char *path, size_t made)
{
	char copy[UNIX_NAME_MAX + 1];
	char *slash;

	strcpy(copy, path);
	while (made && (slash = strrchr(copy, '/')) && (size_t)(slash - copy) >= made) {
		*slash = '\0';
		if (rmdir(copy) < 0)
			break;
	}
}

/* A restart by root makes it root's. */
static void name_give(const struct name_bind *b)
{
	unsigned int uid, gid;

	if (sscanf(b->owner, "%u %u", &uid, &gid) == 2)
		(void)!lchown(b->path, uid, gid);
	chmod(b->path, b->mode & 07777);
}

/* Where the program had moved it; of what is there only a socket is replaced. */
static int name_move(const struct name_bind *b)
{
	struct stat st;

	if (lstat(b->moved, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (rename(b->path, b->moved) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	res_make_directories(b->moved);
	return rename(b->path, b->moved) < 0 ? -errno : 0;
}

/* Away from the name again: moved or removed. */
static int name_leave(const struct name_bind *b, int *reach)
{
	int rc = 0;

	*reach = open(b->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*reach < 0)
		rc = -errno;
	else if (b->node)
		rc = name_move(b);
	if (rc < 0 || !b->node)
		unlink(b->path);
	return rc;
}

/*
 * A name that is no file goes with its socket, and with one that lies in a socket's queue when the kernel has
 * looked for such, which the end of any socket makes it do. There is no event for that.
 */
static int name_bind_abstract(int fd, const struct name_bind *b)
{
	const struct timespec pause = { .tv_nsec = NAME_PAUSE_NS };

	for (int i = 0; bind(fd, b->name, b->len) < 0; i++) {
		if (errno != EADDRINUSE || i == NAME_TRIES)
			return -errno;
		close(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int name_bind(int fd, struct name_bind *b, int *reach)
{
	char aside[UNIX_NAME_MAX + 16];
	size_t made = 0;
	bool kept;
	int rc;

	*reach = -1;
	if (!name_path(b->name, b->len, b->path)[0])
		return name_bind_abstract(fd, b);
	name_aside(b->path, aside);
	rc = name_clear(b, aside, &kept);
	if (rc < 0)
		return rc;
	rc = name_bind_at(fd, b, &made);
	if (rc >= 0 && b->node)
		name_give(b);
	if (rc >= 0 && !name_stays(b)) {
		rc = name_leave(b, reach);
		name_unmake(b->path, made);
	}
	if (kept && rename(aside, b->path) < 0 && rc >= 0)
		rc = -errno;
	return rc;
}

static int name_say(int rc, const void *name, uint32_t len, const char *dir, struct err *err)
{
	char path[UNIX_NAME_MAX + 1];

	name_path(name, len, path);
	return err_set(err, rc, "give a UNIX socket its name '%s%s%s' again", path[0] ? "" : "@",
		       path[0] ? path : path + 1, dir[0] ? " (a relative one)" : "");
}

int unix_name_bind(int fd, const struct unix_record *u, bool node, int *reach, struct err *err)
{
	const struct unix_state *s = u->state;
	struct name_bind b = { s->name, s->name_len, s->node_mode, node, u->node, u->owner, "" };
	int here, rc;

	*reach = -1;
	if (s->name_len <= NAME_PATH)
		return 0;
	here = unix_name_enter(u->dir);
	rc = name_bind(fd, &b, reach);
	unix_name_leave(here);
	return rc < 0 ? name_say(rc, s->name, s->name_len, u->dir, err) : 0;
}

int unix_name_bind_other(int fd, const void *name, uint32_t len, const char *dir, int *reach,
			 struct err *err)
{
	struct name_bind b = { name, len, 0, false, "", "", "" };
	int here = unix_name_enter(dir);
	int rc = name_bind(fd, &b, reach);

	unix_name_leave(here);
	return rc < 0 ? name_say(rc, name, len, dir, err) : 0;
}

int unix_name_connect(int fd, const void *name, uint32_t len, const char *dir)
{
	int here = unix_name_enter(dir);
	int rc = connect(fd, name, len) < 0 ? -errno : 0;

	unix_name_leave(here);
	return rc;
}

uint32_t unix_name_reach(int reach, struct sockaddr_un *un)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d", reach);
	return sizeof(*un);
}
