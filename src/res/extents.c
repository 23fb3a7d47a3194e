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
#include <stdlib.h>
#include <unistd.h>

enum {
	EXTENTS_MAX = 1 << 30, /* bytes: they live in the image's pool while it is written */
	EXTENTS_LATER_MIN = 1 << 20, /* below, it is not worth a descriptor of ours */
	EXTENTS_LATER_MAX = 64,
};

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

struct extents {
	struct model *m;
	const struct res_seen *seen;
	const struct img_file *f;
	int fd;
	const struct shared *kept; /* less what is in these; NULL: all */
	uint64_t total;
};

static uint64_t extents_object(const struct stat *st)
{
	return st->st_dev << 40 ^ st->st_ino;
}

/* What stands between two holes. */
static int extents_save_part(struct extents *e, uint64_t start, uint64_t end, struct err *err)
{
	static const struct shared none;
	uint64_t object = extents_object(&e->seen->st), to;
	int rc = 0;

	for (; rc >= 0 && start < end; start = to) {
		to = shared_gap(e->kept ? e->kept : &none, object, &start, end);
		e->total += to - start;
		if (e->total > EXTENTS_MAX)
			return extents_too_many(e->seen, e->total, err);
		if (start < to)
			rc = extents_add(e->m, e->f, e->fd, start, to, err);
	}
	return rc;
}

/* From one hole to the next. */
static int extents_save(struct extents *e, struct err *err)
{
	off_t size = e->seen->st.st_size, start = 0, end;
	int rc = 0;

	while (rc >= 0 && (start = lseek(e->fd, start, SEEK_DATA)) >= 0) {
		end = lseek(e->fd, start, SEEK_HOLE);
		if (end < 0 || start >= size)
			break;
		rc = extents_save_part(e, (uint64_t)start, (uint64_t)(end < size ? end : size),
				       err);
		start = end;
	}
	return rc;
}

/* All that is in it. @own: our own description, -1: we have none. */
static int extents_save_all(struct model *m, const struct res_seen *seen, struct img_file *f,
			    int own, struct err *err)
{
	uint64_t size = (uint64_t)seen->st.st_size;
	off_t hole = own < 0 ? -1 : lseek(own, 0, SEEK_HOLE);
	struct extents e = { m, seen, f, own, NULL, 0 };

	if (hole >= 0 && (uint64_t)hole < size)
		return extents_save(&e, err);
	if (size > EXTENTS_MAX)
		return extents_too_many(seen, size, err);
	/* A description that is for writing only, or a path, cannot be read through. */
	if (own < 0 && (seen->flags & O_PATH || (seen->flags & O_ACCMODE) == O_WRONLY))
		return err_set(err, errno, "open nameless file '%s' to save it", seen->link);
	return res_save_contents(m, &f->data, own < 0 ? seen->dup : own, size, err);
}

int res_save_nameless(struct model *m, const struct res_seen *seen, struct img_file *f,
		      struct err *err)
{
	struct res_capture *c = seen->capture;
	OWNED_FD int own = extents_open(seen, f);
	struct res_later *later;

	f->flags |= IMG_FILE_SAVED;
	res_keep_owner(f, &seen->st);
	if (f->kind != IMG_F_MEMFD || own < 0 || seen->st.st_size < EXTENTS_LATER_MIN ||
	    c->later.n >= EXTENTS_LATER_MAX)
		return extents_save_all(m, seen, f, own, err);
	later = model_add(&c->later);
	if (!later)
		return err_set(err, ENOMEM, "save '%s'", seen->link);
	*later = (struct res_later){ m, f->id, seen->fd, owned_fd_take(&own), seen->st, false };
	return 0;
}

bool res_is_later(const struct res_capture *c, uint64_t object)
{
	for (size_t i = 0; i < c->later.n; i++)
		if (extents_object(&c->later.at[i].st) == object)
			return true;
	return false;
}

void res_later_whole(struct res_capture *c, uint64_t object)
{
	for (size_t i = 0; i < c->later.n; i++)
		if (extents_object(&c->later.at[i].st) == object)
			c->later.at[i].whole = true;
}

int res_save_later(struct res_capture *c, const struct shared *kept, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < c->later.n; i++) {
		const struct res_later *l = &c->later.at[i];
		struct img_file *f = model_file(l->m, l->id);
		struct res_seen seen = { .fd = l->fd,
					 .link = model_string(l->m, f->path),
					 .st = l->st };
		struct extents e = { l->m, &seen, f, l->own, l->whole ? NULL : kept, 0 };

		rc = extents_save(&e, err);
	}
	return rc;
}

void res_later_done(struct res_capture *c)
{
	for (size_t i = 0; i < c->later.n; i++)
		close(c->later.at[i].own);
	free(c->later.at);
	c->later.at = NULL;
	c->later.n = c->later.room = 0;
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
