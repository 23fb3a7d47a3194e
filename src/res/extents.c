/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a file without a name. A sparse one may be far larger than what it holds: its holes are left
 * out, and stay holes.
 */
#include "base/owned.h"
#include "base/text.h"
#include "host/procid.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { EXTENTS_MAX = 1 << 30 }; /* bytes: they live in the image's pool while it is written */

static int extents_too_many(const struct res_seen *seen, uint64_t bytes, struct err *err)
{
	return err_say(
		err, EFBIG,
		"descriptor %d is the nameless file '%s' with %llu bytes in it: over 1 GiB is "
		"not saved; give the file a name, or close it",
		seen->fd, seen->link, (unsigned long long)bytes);
}

/* To look for holes is to move the position, and @dup has the program's. A lease would be broken. */
static int extents_open(const struct res_seen *seen, const struct img_file *f)
{
	char via[64];

	if (f->lease != F_UNLCK)
		return -1;
	text_format(via, sizeof(via), "/proc/%d/fd/%d", procid_shown(seen->pid), seen->fd);
	return open(via, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static int extents_add(struct model *m, const struct img_file *f, int fd, uint64_t start,
		       uint64_t end, struct err *err)
{
	struct img_ref data;
	struct img_extent *e;
	int rc = res_save_range(m, &data, fd, start, end - start, err);

	if (rc < 0)
		return rc;
	e = model_add(&m->extents);
	if (!e)
		return err_set(err, ENOMEM, "save contents");
	*e = (struct img_extent){ .offset = start, .file = f->id, .data = data };
	return 0;
}

/* From one hole to the next. */
static int extents_save(struct model *m, const struct res_seen *seen, const struct img_file *f,
			int fd, struct err *err)
{
	uint64_t size = (uint64_t)seen->st.st_size, total = 0;
	off_t start = 0, end;
	int rc = 0;

	while (rc >= 0 && (start = lseek(fd, start, SEEK_DATA)) >= 0) {
		end = lseek(fd, start, SEEK_HOLE);
		if (end < 0 || (uint64_t)start >= size)
			break;
		if ((uint64_t)end > size)
			end = (off_t)size;
		total += (uint64_t)(end - start);
		rc = total > EXTENTS_MAX
			     ? extents_too_many(seen, total, err)
			     : extents_add(m, f, fd, (uint64_t)start, (uint64_t)end, err);
		start = end;
	}
	return rc;
}

int res_save_nameless(struct model *m, const struct res_seen *seen, struct img_file *f,
		      struct err *err)
{
	uint64_t size = (uint64_t)seen->st.st_size;
	OWNED_FD int own = extents_open(seen, f);
	off_t hole = own < 0 ? -1 : lseek(own, 0, SEEK_HOLE);

	f->flags |= IMG_FILE_SAVED;
	res_keep_owner(f, &seen->st);
	if (hole >= 0 && (uint64_t)hole < size)
		return extents_save(m, seen, f, own, err);
	if (size > EXTENTS_MAX)
		return extents_too_many(seen, size, err);
	/* A description that is for writing only, or a path, cannot be read through. */
	if (own < 0 && (seen->flags & O_PATH || (seen->flags & O_ACCMODE) == O_WRONLY))
		return err_set(err, errno, "open nameless file '%s' to save it", seen->link);
	return res_save_contents(m, &f->data, own < 0 ? seen->dup : own, size, err);
}

static int extents_write(const char *bytes, size_t len, int fd, uint64_t at, struct err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, bytes + done, len - done, (off_t)(at + done));

		if (n < 0)
			return err_set(err, errno, "write saved contents");
		done += (size_t)n;
	}
	return 0;
}

int res_load_nameless(const struct model *m, const struct img_file *f, int fd, struct err *err)
{
	int rc = res_load_contents(m, f->data, fd, err);

	for (size_t i = 0; rc >= 0 && i < m->extents.n; i++) {
		const struct img_extent *e = &m->extents.at[i];

		if (e->file == f->id)
			rc = extents_write(model_bytes(m, e->data), e->data.len, fd, e->offset,
					   err);
	}
	if (rc >= 0 && ftruncate(fd, (off_t)f->size) < 0)
		rc = err_set(err, errno, "size of '%s'", model_string(m, f->path));
	return rc;
}

void res_keep_owner(struct img_file *f, const struct stat *st)
{
	f->arg[RES_ARG_OWNED] = 1;
	f->arg[RES_ARG_UID] = st->st_uid;
	f->arg[RES_ARG_GID] = st->st_gid;
}

void res_give_owner(int fd, const struct img_file *f)
{
	if (f->arg[RES_ARG_OWNED])
		(void)!fchownat(fd, "", (uid_t)f->arg[RES_ARG_UID], (gid_t)f->arg[RES_ARG_GID],
				AT_EMPTY_PATH);
}
