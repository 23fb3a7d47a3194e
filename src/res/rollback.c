/* SPDX-License-Identifier: Apache-2.0 */
/* Files at a restart: what the program has written since the checkpoint is taken back. */
#include "base/owned.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ROLLBACK_SAVE_MAX = 1 << 30, /* contents live in the image's pool while it is written */
	ROLLBACK_PIECE = 2048,
};

int res_save_file(struct model *m, struct img_file *f, int fd, const char *path, struct err *err)
{
	if (f->size > ROLLBACK_SAVE_MAX)
		return err_say(
			err, EFBIG,
			"'%s' is to be saved, but has %llu bytes: more than 1 GiB is not; use "
			"--file with rollback or keep for it",
			path, (unsigned long long)f->size);
	f->flags |= IMG_FILE_SAVED;
	for (size_t i = 0; i < m->files.n; i++) {
		const struct img_file *other = &m->files.at[i];

		if (other != f && other->dev == f->dev && other->ino == f->ino && other->data.len &&
		    other->flags & IMG_FILE_SAVED && !(other->flags & IMG_FILE_DELETED)) {
			f->data = other->data; /* opened twice, saved once */
			return 0;
		}
	}
	return res_save_contents(m, &f->data, fd, f->size, err);
}

int res_make_saved(const struct model *m, const struct img_file *f, struct err *err)
{
	const char *path = model_string(m, f->path);
	OWNED_FD int fd = -1;
	int rc;

	res_make_directories(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, f->mode & 07777);
	if (fd < 0)
		return err_set(err, errno, "make '%s' again", path);
	rc = res_load_contents(m, f->data, fd, err);
	if (rc >= 0 && ftruncate(fd, (off_t)f->size) < 0)
		rc = err_set(err, errno, "size of '%s'", path);
	return rc;
}

static int rollback_contents(const struct model *m, const struct img_file *f, const char *path,
			     struct err *err)
{
	const char *bytes = model_bytes(m, f->data);
	OWNED_FD int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool blind = fd < 0; /* a file that we may only write */

	if (fd < 0 && errno == ENOENT)
		return res_make_saved(m, f, err);
	if (fd < 0)
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno, "open '%s' to give it back what it held", path);
	for (uint64_t at = 0; at < f->data.len; at += ROLLBACK_PIECE) {
		size_t left = f->data.len - at;
		size_t len = left < ROLLBACK_PIECE ? left : ROLLBACK_PIECE;

		/* Unchanged pages are not written, nor is the file's time changed. */
		if (!blind && res_holds(fd, bytes + at, len, at))
			continue;
		if (pwrite(fd, bytes + at, len, (off_t)at) != (ssize_t)len)
			return err_set(err, errno, "write '%s'", path);
	}
	return 0;
}

int res_roll_back(const struct model *m, struct err *err)
{
	for (size_t i = 0; i < m->files.n; i++) {
		const struct img_file *f = &m->files.at[i];
		const char *path = model_string(m, f->path);
		bool saved = f->flags & IMG_FILE_SAVED;
		struct stat st;

		if (!(f->flags & IMG_FILE_ROLLBACK) || f->flags & IMG_FILE_DELETED ||
		    f->std_stream >= 0)
			continue;
		if (saved && rollback_contents(m, f, path, err) < 0)
			return -err->num;
		if (stat(path, &st) < 0 ||
		    ((uint64_t)st.st_size != f->size && (saved || (uint64_t)st.st_size > f->size) &&
		     truncate(path, (off_t)f->size) < 0))
			return err_set(err, errno, "cut '%s' back to %llu bytes", path,
				       (unsigned long long)f->size);
	}
	return 0;
}
