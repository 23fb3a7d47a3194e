/* SPDX-License-Identifier: Apache-2.0 */
#include "res/listing.h"

#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/proc.h"
#include "host/procid.h"
#include "res/capture.h"
#include "res/kinds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTING_PIECE = 4096 }; /* room for a link, and for nearly every fdinfo */

/* Where the descriptors of a process are listed. */
struct listing_dirs {
	int links, infos; /* /proc/PID/fd and fdinfo */
	pid_t pid;
	int pidfd; /* -1 until there is something to ask for */
};

/* Room for @len bytes more. */
static int listing_room(struct res_listing *l, size_t len, struct err *err)
{
	size_t room = l->room * 2 + len;
	char *more;

	if (l->room - l->n >= len)
		return 0;
	more = realloc(l->text, room);
	if (!more)
		return err_set(err, ENOMEM, "list descriptors");
	l->text = more;
	l->room = room;
	return 0;
}

static int listing_link(struct res_listing *l, struct res_listed *d, int links, const char *name,
			struct err *err)
{
	int rc = listing_room(l, LISTING_PIECE, err);
	ssize_t n = rc < 0 ? 0 : readlinkat(links, name, l->text + l->n, LISTING_PIECE - 1);

	if (rc < 0 || n < 0)
		return rc < 0 ? rc : err_set(err, errno, "look at descriptor %d", d->fd);
	d->link = l->n;
	l->n += (size_t)n;
	l->text[l->n++] = '\0';
	return 0;
}

/* The kernel writes it in one go: what does not fill the room is all of it. */
static int listing_info(struct res_listing *l, struct res_listed *d, int infos, const char *name,
			struct err *err)
{
	OWNED_FD int fd = openat(infos, name, O_RDONLY | O_CLOEXEC);
	size_t asked;
	ssize_t n;

	if (fd < 0)
		return err_set(err, errno, "look at descriptor %d", d->fd);
	d->info = l->n;
	do {
		if (listing_room(l, LISTING_PIECE, err) < 0)
			return -ENOMEM;
		asked = l->room - l->n - 1;
		n = read(fd, l->text + l->n, asked);
		if (n < 0)
			return err_set(err, errno, "look at descriptor %d", d->fd);
		l->n += (size_t)n;
	} while ((size_t)n == asked);
	d->info_len = l->n - d->info;
	l->text[l->n++] = '\0';
	return 0;
}

static int listing_refuse_unread(const struct res_listing *l, const struct res_listed *d,
				 struct listing_dirs *dirs, struct err *err)
{
	OWNED_FD int dup = -1;

	if (!inotify_is_link(listing_text(l, d->link)))
		return 0;
	if (dirs->pidfd < 0)
		dirs->pidfd = capture_pidfd(dirs->pid);
	dup = (int)sys3(__NR_pidfd_getfd, dirs->pidfd, d->fd, 0);
	return dup < 0 ? 0 : inotify_refuse_unread(dup, d->fd, err);
}

static int listing_add(struct res_listing *l, struct listing_dirs *dirs, const char *name,
		       struct err *err)
{
	struct res_listed d = { 0 }, *entry;
	uint64_t fd;
	int rc;

	if (!text_number(name, &fd))
		return 0; /* "." and ".." */
	d.fd = (int)fd;
	rc = listing_link(l, &d, dirs->links, name, err);
	if (rc >= 0)
		rc = listing_info(l, &d, dirs->infos, name, err);
	if (rc >= 0)
		rc = listing_refuse_unread(l, &d, dirs, err);
	if (rc < 0)
		return rc;
	entry = model_add(&l->fds);
	if (!entry)
		return err_set(err, ENOMEM, "list descriptors");
	*entry = d;
	return 0;
}

static int listing_compare(const void *a, const void *b)
{
	return ((const struct res_listed *)a)->fd - ((const struct res_listed *)b)->fd;
}

/* @only: the name of the one that is meant; NULL: all. */
static int listing_read(struct res_listing *l, pid_t pid, const char *only, struct err *err)
{
	OWNED_FD int infos = -1;
	struct listing_dirs dirs = { .pid = pid, .pidfd = -1 };
	struct dirent *entry;
	char path[64];
	int rc = 0;
	DIR *dir;

	procid_path(path, sizeof(path), pid, "fdinfo");
	infos = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (infos < 0)
		return err_set(err, errno, "open %s", path);
	procid_path(path, sizeof(path), pid, "fd");
	dir = opendir(path);
	if (!dir)
		return err_set(err, errno, "open %s", path);
	dirs.links = dirfd(dir);
	dirs.infos = infos;
	if (only)
		rc = listing_add(l, &dirs, only, err);
	while (!only && rc >= 0 && (entry = readdir(dir)))
		rc = listing_add(l, &dirs, entry->d_name, err);
	closedir(dir);
	if (dirs.pidfd >= 0)
		close(dirs.pidfd);
	if (rc >= 0 && l->fds.n)
		qsort(l->fds.at, l->fds.n, sizeof(*l->fds.at), listing_compare);
	return rc;
}

static int listing_environ(struct res_listing *l, pid_t pid, struct err *err)
{
	static const char *const names[] = { "TMPDIR=/", "TMP=/", "TEMP=/" };
	const size_t n = sizeof(names) / sizeof(names[0]);
	OWNED_PTR char *environ = NULL;
	const char *at, *dir;
	size_t len = 0;
	int rc = 0;

	if (proc_read_record(pid, "environ", &environ, &len, NULL) < 0)
		return 0; /* not for us to see: it names none */
	for (at = environ; rc >= 0 && (dir = proc_next_variable(&at, environ + len, names, n));) {
		size_t *place = model_add(&l->temporary);

		rc = place ? listing_room(l, strlen(dir) + 1, err)
			   : err_set(err, ENOMEM, "keep the name of a directory");
		if (rc < 0)
			break;
		*place = l->n;
		l->n += (size_t)(stpcpy(l->text + l->n, dir) - (l->text + l->n)) + 1;
	}
	return rc;
}

int res_list(struct res_listing *l, pid_t pid, struct err *err)
{
	int rc = listing_read(l, pid, NULL, err);

	if (rc >= 0)
		rc = listing_environ(l, pid, err);
	return rc < 0 ? err_add(err, "process %d", pid) : 0;
}

int listing_add_own(struct res_listing *l, int fd, struct err *err)
{
	char name[16];

	text_format(name, sizeof(name), "%d", fd);
	return listing_read(l, getpid(), name, err);
}

void res_listing_done(struct res_listing *l)
{
	free(l->fds.at);
	free(l->temporary.at);
	free(l->text);
	*l = (struct res_listing){ .n = 0 };
}
