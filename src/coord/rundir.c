/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/rundir.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/fault.h"
#include "host/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Everything that we ever put into a run directory: nothing else is removed. */
static const char *const rundir_files[] = { "control.sock", "join.sock", "log", "secret", "lock" };

static int rundir_lock_root(const char *root)
{
	char path[PATH_RUN_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/.lock", root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* Held for a few system calls at a time by our own kind, so waiting is short. */
	while (fd >= 0 && flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

static void rundir_remove_files(int dirfd)
{
	for (size_t i = 0; i < sizeof(rundir_files) / sizeof(rundir_files[0]); i++)
		unlinkat(dirfd, rundir_files[i], 0);
}

/* Under the root's lock: does an agent hold @path? Takes a dead one's directory away. */
static bool rundir_is_alive(const char *path)
{
	OWNED_FD int dirfd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	OWNED_FD int lockfd = -1;

	if (dirfd < 0)
		return false;
	lockfd = openat(dirfd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (lockfd < 0)
		return false; /* not one of ours */
	if (flock(lockfd, LOCK_EX | LOCK_NB))
		return true;
	rundir_remove_files(dirfd);
	rmdir(path);
	return false;
}

static int rundir_create(struct rundir *r, struct err *err)
{
	if (path_make_private(r->path, err) < 0)
		return -err->num;
	r->dirfd = open(r->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->dirfd < 0)
		return err_set(err, errno, "open '%s'", r->path);
	r->lockfd = openat(r->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->lockfd < 0)
		return err_set(err, errno, "create '%s/lock'", r->path);
	if (flock(r->lockfd, LOCK_EX | LOCK_NB))
		return err_set(err, errno, "lock '%s/lock'", r->path);
	r->logfd = openat(r->dirfd, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			  0600);
	log_open(r->logfd);
	return 0;
}

static bool rundir_name_taken(const struct path_roots *roots, const char *name)
{
	char path[PATH_RUN_MAX];
	bool taken = false;

	for (size_t i = 0; i < roots->n && !taken; i++) {
		OWNED_FD int lock = -1;

		if (access(roots->dir[i], X_OK))
			continue;
		lock = rundir_lock_root(roots->dir[i]);
		snprintf(path, sizeof(path), "%s/%s", roots->dir[i], name);
		taken = rundir_is_alive(path);
	}
	return taken;
}

/* An agent that was killed, or whose program has just ended, is gone within this time. */
enum { RUNDIR_PATIENCE_MS = 2000 };

static int rundir_ms_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((now.tv_sec - began->tv_sec) * 1000 +
		     (now.tv_nsec - began->tv_nsec) / 1000000);
}

/* Bound through /proc/self/fd, as socket paths are short and run directories' need not be. */
int rundir_listen(int dirfd, const char *file, int type, int backlog, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	OWNED_FD int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(err, errno, "socket for '%s'", file);
	unlinkat(dirfd, file, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", dirfd, file);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, backlog))
		return err_set(err, errno, "listen at '%s'", file);
	return owned_fd_take(&fd);
}

/* Without the root's lock: whoever ends may need that. */
void rundir_await(const char *path)
{
	OWNED_FD int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char lock[PATH_RUN_MAX + sizeof("/lock")], drain[512];
	struct pollfd p = { .fd = events, .events = POLLIN };
	struct timespec began;
	OWNED_FD int fd = -1;
	int left;

	snprintf(lock, sizeof(lock), "%s/lock", path);
	if (events < 0 || inotify_add_watch(events, lock, IN_CLOSE) < 0)
		return;
	fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	clock_gettime(CLOCK_MONOTONIC, &began);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) &&
	       (left = RUNDIR_PATIENCE_MS - rundir_ms_since(&began)) > 0) {
		poll(&p, 1, left);
		(void)!read(events, drain, sizeof(drain));
	}
}

/* Taken, and not by one that is just ending. */
static bool rundir_name_stays_taken(const struct path_roots *roots, const char *name)
{
	char path[PATH_RUN_MAX];

	if (!rundir_name_taken(roots, name))
		return false;
	for (size_t i = 0; i < roots->n; i++) {
		snprintf(path, sizeof(path), "%s/%s", roots->dir[i], name);
		rundir_await(path);
	}
	return rundir_name_taken(roots, name);
}

static int rundir_taken(const char *name, struct err *err)
{
	return err_say(err, EEXIST,
		       "a computation named '%s' is running already: give this "
		       "one another name (-n)",
		       name);
}

int rundir_open(struct rundir *r, const char *name, struct err *err)
{
	struct path_roots roots;
	OWNED_FD int lock = -1;

	*r = RUNDIR_INIT;
	if (path_check_name(name, err) < 0 || path_run_roots(&roots, err) < 0)
		return -err->num;
	if (rundir_name_stays_taken(&roots, name))
		return rundir_taken(name, err);
	if (path_make_private(roots.dir[0], err) < 0)
		return err_add(err, "run directory");
	lock = rundir_lock_root(roots.dir[0]);
	if (lock < 0)
		return err_set(err, errno, "lock '%s'", roots.dir[0]);
	snprintf(r->name, sizeof(r->name), "%s", name);
	snprintf(r->path, sizeof(r->path), "%s/%s", roots.dir[0], name);
	if (rundir_is_alive(r->path)) /* since we looked */
		return rundir_taken(name, err);
	if (rundir_create(r, err) < 0)
		return err_add(err, "run directory of '%s'", name);
	r->doorfd = owned_fd_take(&lock);
	fault_point("rundir.made");
	return 0;
}

void rundir_show(struct rundir *r)
{
	owned_fd_done(&r->doorfd);
	r->doorfd = -1;
}

void rundir_close(struct rundir *r)
{
	OWNED_FD int lock = -1;
	char *slash;

	rundir_show(r);
	if (r->lockfd >= 0 && (slash = strrchr(r->path, '/'))) {
		*slash = '\0';
		lock = rundir_lock_root(r->path);
		*slash = '/';
		rundir_remove_files(r->dirfd);
		rmdir(r->path);
	}
	log_open(-1);
	owned_fd_done(&r->logfd);
	owned_fd_done(&r->lockfd);
	owned_fd_done(&r->dirfd);
	r->dirfd = r->lockfd = r->logfd = -1;
}

static int rundir_list_add(struct rundir_list *list, const char *root, const char *name)
{
	struct rundir_entry *e = realloc(list->at, (list->n + 1) * sizeof(*e));

	if (!e)
		return -ENOMEM;
	list->at = e;
	e += list->n;
	text_copy(e->name, sizeof(e->name), name);
	if ((size_t)snprintf(e->path, sizeof(e->path), "%s/%s", root, name) < sizeof(e->path) &&
	    rundir_is_alive(e->path))
		list->n++;
	return 0;
}

static int rundir_list_root(struct rundir_list *list, const char *root, struct err *err)
{
	OWNED_FD int lock = -1;
	struct dirent *d;
	DIR *dir = opendir(root);
	int rc = 0;

	if (!dir)
		return 0;
	lock = rundir_lock_root(root);
	while (rc >= 0 && (d = readdir(dir)))
		if (path_check_name(d->d_name, NULL) >= 0)
			rc = rundir_list_add(list, root, d->d_name);
	closedir(dir);
	return rc < 0 ? err_set(err, rc, "list computations") : 0;
}

static int rundir_order(const void *a, const void *b)
{
	return strcmp(((const struct rundir_entry *)a)->name,
		      ((const struct rundir_entry *)b)->name);
}

int rundir_list_load(struct rundir_list *list, struct err *err)
{
	struct path_roots roots;

	*list = (struct rundir_list){ 0 };
	if (path_run_roots(&roots, err) < 0)
		return -err->num;
	for (size_t i = 0; i < roots.n; i++) {
		/* Names in a directory that others could have made mean nothing. */
		if (access(roots.dir[i], R_OK | X_OK) || path_make_private(roots.dir[i], NULL) < 0)
			continue;
		if (rundir_list_root(list, roots.dir[i], err) < 0) {
			rundir_list_done(list);
			return -err->num;
		}
	}
	if (list->n)
		qsort(list->at, list->n, sizeof(*list->at), rundir_order);
	return 0;
}

void rundir_list_done(struct rundir_list *list)
{
	free(list->at);
	*list = (struct rundir_list){ 0 };
}

static int rundir_not_found(const struct rundir_list *list, const char *name, struct err *err)
{
	char names[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < list->n && len < sizeof(names) - PATH_NAME_MAX - 8; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					list->at[i].name);
	if (!list->n)
		return name ? err_say(err, ESRCH, "no computation '%s' is running", name)
			    : err_say(err, ESRCH, "no computation is running");
	if (name)
		return err_say(err, ESRCH, "no computation '%s' is running; there is: %s", name,
			       names);
	return err_say(err, ESRCH, "%zu computations are running, name one with -n: %s", list->n,
		       names);
}

int rundir_find(struct rundir_entry *found, const char *name, struct err *err)
{
	struct rundir_list list;
	int rc = -ESRCH;

	if (rundir_list_load(&list, err) < 0)
		return -err->num;
	if (!name && list.n == 1) {
		*found = list.at[0];
		rc = 0;
	}
	for (size_t i = 0; name && i < list.n; i++) {
		if (strcmp(list.at[i].name, name))
			continue;
		*found = list.at[i];
		rc = 0;
	}
	if (rc < 0)
		rc = rundir_not_found(&list, name, err);
	rundir_list_done(&list);
	return rc;
}
