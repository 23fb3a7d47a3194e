/* SPDX-License-Identifier: Apache-2.0 */
/* Making POSIX message queues again, by name, in the IPC namespace of this process. */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "res/mqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAKE_OWNER = 0600 }; /* while we work on it */

struct mqueue_made {
	const struct model *m;
	const struct img_file *f;
	int fd;
};

static bool make_is_named(const struct img_file *f)
{
	return f->kind == IMG_F_MQUEUE && f->std_stream < 0 && !(f->flags & IMG_FILE_DELETED);
}

bool mqueue_any(const struct model *m)
{
	for (size_t i = 0; i < m->files.n; i++)
		if (make_is_named(&m->files.at[i]))
			return true;
	return false;
}

/* What a namespace of our own allows may be less than what was allowed before. Best effort. */
static void make_raise(const char *file, uint64_t value)
{
	OWNED_FD int fd = open(file, O_WRONLY | O_CLOEXEC);
	char text[24];
	size_t len = text_format(text, sizeof(text), "%llu", (unsigned long long)value);

	if (fd >= 0)
		(void)!write(fd, text, len);
}

static long make_new(const struct img_file *f, const char *name)
{
	struct mq_attr attr = { .mq_maxmsg = (long)f->arg[MQUEUE_ARG_MAXMSG],
				.mq_msgsize = (long)f->arg[MQUEUE_ARG_MSGSIZE] };
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC;
	long fd = sys4(__NR_mq_open, name + 1, flags, MAKE_OWNER, &attr);

	if (fd != -EINVAL)
		return fd;
	make_raise("/proc/sys/fs/mqueue/msg_max", f->arg[MQUEUE_ARG_MAXMSG]);
	make_raise("/proc/sys/fs/mqueue/msgsize_max", f->arg[MQUEUE_ARG_MSGSIZE]);
	return sys4(__NR_mq_open, name + 1, flags, MAKE_OWNER, &attr);
}

static int make_refused(const struct img_file *f, const char *name, long rc, struct err *err)
{
	if (rc == -EINVAL)
		return err_say(
			err, EINVAL,
			"POSIX message queue '%s': %llu messages of %llu bytes are more than "
			"is allowed here (/proc/sys/fs/mqueue/msg_max, msgsize_max)",
			name, (unsigned long long)f->arg[MQUEUE_ARG_MAXMSG],
			(unsigned long long)f->arg[MQUEUE_ARG_MSGSIZE]);
	if (rc == -EMFILE)
		return err_say(err, EMFILE,
			       "POSIX message queue '%s': the limit of bytes in queues (ulimit -q) "
			       "is too low here",
			       name);
	return err_set(err, (int)rc, "make the POSIX message queue '%s'", name);
}

static int make_messages(const struct model *m, const struct img_file *f, int fd, struct err *err)
{
	const uint8_t *bytes = model_bytes(m, f->data);
	struct img_mq_message head;

	for (size_t at = 0; at < f->data.len;) {
		long rc;

		memcpy(&head, bytes + at, sizeof(head));
		at += sizeof(head);
		rc = sys5(__NR_mq_timedsend, fd, bytes + at, head.len, head.priority, NULL);
		if (rc < 0)
			return err_set(err, (int)rc, "messages of the POSIX message queue '%s'",
				       model_string(m, f->path));
		at += img_padded(head.len);
	}
	return 0;
}

int mqueue_create(const struct model *m, const struct img_file *f, const char *name,
		  struct err *err)
{
	long made = make_new(f, name);
	OWNED_FD int fd = (int)made;
	int rc;

	if (made < 0)
		return make_refused(f, name, made, err);
	fchmod(fd, MAKE_OWNER); /* whatever the umask */
	rc = make_messages(m, f, fd, err);
	if (rc < 0)
		sys1(__NR_mq_unlink, name + 1);
	return rc < 0 ? rc : owned_fd_take(&fd);
}

int mqueue_give(int fd, const struct img_file *f, struct err *err)
{
	/* In a user namespace there may be no such user. */
	(void)!fchown(fd, (uid_t)f->arg[MQUEUE_ARG_UID], (gid_t)f->arg[MQUEUE_ARG_GID]);
	if (fchmod(fd, f->mode & 07777) < 0)
		return err_set(err, errno, "mode of a POSIX message queue");
	return 0;
}

/* The very queue of the image, left behind by the computation and open in nobody. */
static bool make_is_left(const struct img_file *f, const char *name, const struct stat *st)
{
	struct mqueue_id id = { .ino = f->ino };
	const struct mqueue_id *used;

	text_copy(id.name, sizeof(id.name), name);
	return st->st_ino == f->ino && st->st_uid == f->arg[MQUEUE_ARG_UID] &&
	       !mqueue_user(&id, 1, NULL, 0, &used);
}

/* 1: it has been left behind. */
static int make_check_one(const struct model *m, const struct img_file *f, struct err *err)
{
	char name[NAME_MAX + 2];
	OWNED_FD int fd = -1;
	struct stat st;

	mqueue_name(name, sizeof(name), m, f);
	fd = (int)sys4(__NR_mq_open, name + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);
	if (fd == -EACCES) /* a mode that forbids reading forbids nothing else */
		fd = (int)sys4(__NR_mq_open, name + 1, O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);
	if (fd == -ENOENT)
		return 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && make_is_left(f, name, &st))
		return 1;
	return err_say(
		err, EEXIST,
		"a POSIX message queue '%s' is there already, not the computation's; remove it "
		"(mq_unlink), if nobody needs it",
		name);
}

int mqueue_check_free(const struct model *m, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < m->files.n; i++)
		if (make_is_named(&m->files.at[i]))
			rc = make_check_one(m, &m->files.at[i], err);
	return rc < 0 ? rc : 0;
}

static bool make_has(const struct mqueue_restart *r, const struct img_file *f)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->made[i].f->object == f->object)
			return true;
	return false;
}

static int make_one(struct mqueue_restart *r, const struct model *m, const struct img_file *f,
		    struct err *err)
{
	int left = make_check_one(m, f, err);
	char name[NAME_MAX + 2];
	int fd;

	if (left < 0)
		return left;
	mqueue_name(name, sizeof(name), m, f);
	if (left)
		sys1(__NR_mq_unlink, name + 1);
	fd = mqueue_create(m, f, name, err);
	if (fd < 0)
		return fd;
	r->made[r->n++] = (struct mqueue_made){ m, f, fd };
	return 0;
}

int mqueue_make(struct mqueue_restart *r, const struct model *const *models, size_t n,
		struct err *err)
{
	size_t all = 1;
	int rc = 0;

	*r = (struct mqueue_restart){ .n = 0 };
	for (size_t i = 0; i < n; i++)
		all += models[i]->files.n;
	r->made = calloc(all, sizeof(*r->made));
	if (!r->made)
		return err_set(err, ENOMEM, "make POSIX message queues");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; rc >= 0 && k < models[i]->files.n; k++) {
			const struct img_file *f = &models[i]->files.at[k];

			const struct model *m = models[i];

			if (!make_is_named(f) || make_has(r, f))
				continue;
			f = mqueue_holder(models, n, f, &m);
			rc = make_one(r, m, f, err);
		}
	return rc;
}

int mqueue_settle(struct mqueue_restart *r, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->n; i++)
		rc = mqueue_give(r->made[i].fd, r->made[i].f, err);
	return rc;
}

void mqueue_undo(struct mqueue_restart *r)
{
	char name[NAME_MAX + 2];

	for (size_t i = 0; i < r->n; i++) {
		mqueue_name(name, sizeof(name), r->made[i].m, r->made[i].f);
		sys1(__NR_mq_unlink, name + 1);
	}
}

void mqueue_clear(const struct model *m)
{
	char name[NAME_MAX + 2];
	struct stat st;

	for (size_t i = 0; i < m->files.n; i++) {
		const struct img_file *f = &m->files.at[i];
		OWNED_FD int fd = -1;

		if (!make_is_named(f))
			continue;
		mqueue_name(name, sizeof(name), m, f);
		fd = (int)sys4(__NR_mq_open, name + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino != f->ino && st.st_uid == geteuid())
			sys1(__NR_mq_unlink, name + 1);
	}
}

void mqueue_restart_done(struct mqueue_restart *r)
{
	for (size_t i = 0; i < r->n; i++)
		close(r->made[i].fd);
	free(r->made);
	*r = (struct mqueue_restart){ .n = 0 };
}
