/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/generation.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/fault.h"
#include "host/log.h"
#include "host/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GENERATION_NAME_MAX = 32 };

/* gen-NNNNNN, or with .partial; false for any other name. */
static bool generation_parse(const char *name, uint32_t *number, bool *partial)
{
	const char *p = name + 4, *end = name + strlen(name);
	uint64_t v;

	if (!text_starts(name, "gen-") || end - p < 6 || !text_scan(&p, end, 10, &v) ||
	    v > UINT32_MAX)
		return false;
	*number = (uint32_t)v;
	*partial = text_equal(p, ".partial");
	return *partial || !*p;
}

static int generation_add(struct generation_list *list, uint32_t number)
{
	uint32_t *numbers = realloc(list->numbers, (list->n + 1) * sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	list->numbers = numbers;
	numbers[list->n++] = number;
	return 0;
}

static int generation_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Numbers of generations in @dirfd: complete ones, or partial ones. */
static int generation_scan(struct generation_list *list, int dirfd, bool want_partial)
{
	char manifest[GENERATION_NAME_MAX + 16];
	int fd = openat(dirfd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	uint32_t number;
	bool partial;
	int rc = 0;

	if (!dir) {
		rc = -errno;
		owned_fd_done(&fd);
		return rc;
	}
	while (rc >= 0 && (d = readdir(dir))) {
		if (!generation_parse(d->d_name, &number, &partial) || partial != want_partial)
			continue;
		snprintf(manifest, sizeof(manifest), "gen-%06u/manifest.json", number);
		if (want_partial || !faccessat(dirfd, manifest, F_OK, 0))
			rc = generation_add(list, number);
	}
	closedir(dir);
	if (list->n)
		qsort(list->numbers, list->n, sizeof(*list->numbers), generation_order);
	return rc;
}

int generation_list_load(struct generation_list *list, const char *dir, struct err *err)
{
	OWNED_FD int fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int rc;

	*list = (struct generation_list){ 0 };
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "open checkpoint directory '%s'", dir);
	rc = generation_scan(list, fd, false);
	if (rc < 0) {
		generation_list_done(list);
		return err_set(err, rc, "read checkpoint directory '%s'", dir);
	}
	return 0;
}

void generation_list_done(struct generation_list *list)
{
	free(list->numbers);
	*list = (struct generation_list){ 0 };
}

/* A generation is a flat directory; what else somebody has put there stays, and keeps it. */
static void generation_empty(int dirfd)
{
	int fd = openat(dirfd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		owned_fd_done(&fd);
		return;
	}
	while ((d = readdir(dir)))
		if (!text_equal(d->d_name, ".") && !text_equal(d->d_name, ".."))
			unlinkat(dirfd, d->d_name, 0);
	closedir(dir);
}

static int generation_remove_partial(int parentfd, const char *name)
{
	OWNED_FD int fd = openat(parentfd, name, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	generation_empty(fd);
	return unlinkat(parentfd, name, AT_REMOVEDIR) ? -errno : 0;
}

/* Made incomplete by one rename first, so that a half-removed one never counts. */
static int generation_remove(int parentfd, uint32_t number)
{
	char name[GENERATION_NAME_MAX], partial[GENERATION_NAME_MAX];

	snprintf(name, sizeof(name), "gen-%06u", number);
	snprintf(partial, sizeof(partial), "gen-%06u.partial", number);
	if (renameat(parentfd, name, parentfd, partial))
		return -errno;
	fault_point("generation.unnamed");
	return generation_remove_partial(parentfd, partial);
}

static void generation_remove_leftovers(int parentfd)
{
	struct generation_list list = { 0 };
	char name[GENERATION_NAME_MAX];

	generation_scan(&list, parentfd, true);
	for (size_t i = 0; i < list.n; i++) {
		snprintf(name, sizeof(name), "gen-%06u.partial", list.numbers[i]);
		log_info("generation", "removing %s, which was never finished", name);
		generation_remove_partial(parentfd, name);
	}
	generation_list_done(&list);
}

/*
 * One writer at a time: the directory itself is locked. File systems that cannot lock (some NFS) go
 * without; EWOULDBLOCK alone means that someone is there.
 */
static int generation_lock(int parentfd, const char *dir, struct err *err)
{
	if (!flock(parentfd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return 0;
	return err_say(err, EBUSY,
		       "another computation is writing a checkpoint into '%s': give "
		       "each its own directory (-d)",
		       dir);
}

static int generation_create(struct generation *g, const char *dir, struct err *err)
{
	struct generation_list list = { 0 };
	char partial[GENERATION_NAME_MAX];
	int rc = generation_scan(&list, g->parentfd, false);

	g->number = list.n ? list.numbers[list.n - 1] + 1 : 1;
	generation_list_done(&list);
	if (rc < 0)
		return err_set(err, rc, "read checkpoint directory '%s'", dir);
	if ((size_t)snprintf(g->path, sizeof(g->path), "%s/gen-%06u", dir, g->number) >=
	    sizeof(g->path))
		return err_set(err, ENAMETOOLONG, "checkpoint directory '%s'", dir);
	snprintf(partial, sizeof(partial), "gen-%06u.partial", g->number);
	if (mkdirat(g->parentfd, partial, 0700))
		return err_set(err, errno, "make '%s.partial'", g->path);
	g->dirfd = openat(g->parentfd, partial, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (g->dirfd < 0)
		return err_set(err, errno, "open '%s.partial'", g->path);
	fault_point("generation.made");
	return 0;
}

int generation_open(struct generation *g, const char *dir, struct err *err)
{
	*g = (struct generation){ .dirfd = -1, .parentfd = -1 };
	if (path_make_all(dir, 0700, err) < 0)
		return err_add(err, "checkpoint directory");
	g->parentfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (g->parentfd < 0)
		return err_set(err, errno, "open checkpoint directory '%s'", dir);
	if (generation_lock(g->parentfd, dir, err) < 0) {
		owned_fd_done(&g->parentfd);
		g->parentfd = -1;
		return -err->num;
	}
	generation_remove_leftovers(g->parentfd);
	if (generation_create(g, dir, err) < 0) {
		generation_abandon(g);
		return -err->num;
	}
	return 0;
}

static int generation_write_manifest(struct generation *g, const char *manifest, struct err *err)
{
	OWNED_FD int fd =
		openat(g->dirfd, "manifest.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(manifest);

	if (fd < 0)
		return err_set(err, errno, "create '%s.partial/manifest.json'", g->path);
	while (len) {
		ssize_t n = write(fd, manifest, len);

		if (n < 0)
			return err_set(err, errno, "write '%s.partial/manifest.json'", g->path);
		manifest += n;
		len -= (size_t)n;
	}
	if (fsync(fd))
		return err_set(err, errno, "sync '%s.partial/manifest.json'", g->path);
	return 0;
}

static void generation_close(struct generation *g)
{
	owned_fd_done(&g->dirfd);
	owned_fd_done(&g->parentfd); /* and the lock with it */
	g->dirfd = g->parentfd = -1;
}

static void generation_keep(int parentfd, unsigned int keep)
{
	struct generation_list list = { 0 };

	if (keep && generation_scan(&list, parentfd, false) >= 0)
		for (size_t i = 0; i + keep < list.n; i++)
			generation_remove(parentfd, list.numbers[i]);
	generation_list_done(&list);
}

int generation_commit(struct generation *g, const char *manifest, unsigned int keep,
		      struct err *err)
{
	char name[GENERATION_NAME_MAX], partial[GENERATION_NAME_MAX];

	snprintf(name, sizeof(name), "gen-%06u", g->number);
	snprintf(partial, sizeof(partial), "gen-%06u.partial", g->number);
	if (generation_write_manifest(g, manifest, err) < 0)
		return -err->num;
	fault_point("generation.written");
	if (fsync(g->dirfd))
		return err_set(err, errno, "sync '%s.partial'", g->path);
	if (renameat(g->parentfd, partial, g->parentfd, name))
		return err_set(err, errno, "rename '%s.partial' to '%s'", g->path, name);
	fault_point("generation.renamed");
	if (fsync(g->parentfd))
		return err_set(err, errno, "sync the directory of '%s'", g->path);
	generation_keep(g->parentfd, keep);
	generation_close(g);
	return 0;
}

void generation_abandon(struct generation *g)
{
	char partial[GENERATION_NAME_MAX];

	if (g->parentfd <= 0)
		return;
	snprintf(partial, sizeof(partial), "gen-%06u.partial", g->number);
	if (g->dirfd >= 0)
		generation_remove_partial(g->parentfd, partial);
	generation_close(g);
}

int generation_prune(const char *dir, unsigned int keep, unsigned int *removed, struct err *err)
{
	struct generation_list list = { 0 };
	OWNED_FD int fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int rc;

	*removed = 0;
	if (fd < 0)
		return err_set(err, errno, "open checkpoint directory '%s'", dir);
	if (generation_lock(fd, dir, err) < 0)
		return -err->num;
	generation_remove_leftovers(fd);
	rc = generation_scan(&list, fd, false);
	for (size_t i = 0; rc >= 0 && list.numbers && i + keep < list.n; i++) {
		rc = generation_remove(fd, list.numbers[i]);
		*removed += rc >= 0;
	}
	generation_list_done(&list);
	return rc < 0 ? err_set(err, rc, "remove generations in '%s'", dir) : 0;
}
