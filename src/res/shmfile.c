/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named files that processes share by mapping them, in memory or in a place for temporary ones (/dev/shm:
 * POSIX shared memory and semaphores; /tmp: what Open MPI's processes tell each other). At a
 * restart such a file holds what the program wrote after the checkpoint, or is gone.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* All processes that map a file have a record of it. */
static bool shmfile_same(const struct img_file *a, const struct img_file *b)
{
	return b->flags & IMG_FILE_MEMORY && a->dev == b->dev && a->ino == b->ino;
}

static bool shmfile_is_first(const struct model *const *models, const struct img_file *f)
{
	for (size_t i = 0;; i++)
		for (size_t k = 0; k < models[i]->files.n; k++)
			if (shmfile_same(f, &models[i]->files.at[k]))
				return f == &models[i]->files.at[k];
}

void res_make_directories(const char *path)
{
	OWNED_PTR char *copy = strdup(path);

	for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0700);
		*slash = '/';
	}
}

/* A new file; the old one's owner, where there is one and we may. */
static int shmfile_create(const char *path, mode_t mode)
{
	struct stat old;
	bool was = stat(path, &old) == 0;
	int fd;

	if (was && unlink(path) < 0)
		return open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
	if (!was)
		res_make_directories(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);
	if (fd < 0)
		return fd;
	if (was)
		(void)!fchown(fd, old.st_uid, old.st_gid);
	fchmod(fd, mode & 07777);
	return fd;
}

/* What no mapping holds stands in one of the records. */
static int shmfile_load(const struct model *const *models, size_t n, const struct img_file *f,
			int fd, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; rc >= 0 && k < models[i]->files.n; k++)
			if (shmfile_same(f, &models[i]->files.at[k]))
				rc = res_load_contents(models[i], models[i]->files.at[k].data, fd,
						       err);
	return rc;
}

static int shmfile_make(const struct model *const *models, size_t n, const char *path,
			const struct img_file *f, struct err *err)
{
	OWNED_FD int fd = shmfile_create(path, f->mode);

	if (fd < 0)
		return err_set(err, errno, "make shared memory '%s'", path);
	if (ftruncate(fd, (off_t)f->size) < 0)
		return err_set(err, errno, "size of shared memory '%s'", path);
	return shmfile_load(models, n, f, fd, err);
}

int res_remake_memory(const struct model *const *models, size_t n, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; rc >= 0 && k < models[i]->files.n; k++) {
			const struct img_file *f = &models[i]->files.at[k];

			if (f->flags & IMG_FILE_MEMORY && shmfile_is_first(models, f))
				rc = shmfile_make(models, n, model_string(models[i], f->path), f,
						  err);
		}
	return rc;
}
