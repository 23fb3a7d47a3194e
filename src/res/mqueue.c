/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors for POSIX message queues. A queue with a name has been made by the agent (mqueue_make.c) and is
 * opened by it; one without is made here, by the first description that has it.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "res/mqueue.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mqueue.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MQUEUE_MAGIC = 0x19800202 }; /* ipc/mqueue.c */

static bool mqueue_match(const struct res_seen *seen)
{
	struct statfs fs;

	return S_ISREG(seen->st.st_mode) && !(seen->flags & O_PATH) &&
	       fstatfs(seen->dup, &fs) == 0 && fs.f_type == MQUEUE_MAGIC;
}

void mqueue_name(char *name, size_t size, const struct model *m, const struct img_file *f)
{
	const char *path = model_string(m, f->path), *slash = strrchr(path, '/');

	text_copy(name, size, slash ? slash : path);
	if (f->flags & IMG_FILE_DELETED)
		text_drop_end(name, " (deleted)");
}

/* A name is known in its IPC namespace only, and we make it again in ours. */
static int mqueue_check_namespace(const struct model *m, const struct img_file *f, int number,
				  struct err *err)
{
	char name[NAME_MAX + 2];
	struct stat st;
	OWNED_FD int fd = -1;

	mqueue_name(name, sizeof(name), m, f);
	fd = (int)sys4(__NR_mq_open, name + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);
	if (fd == -EACCES || (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == f->ino))
		return 0;
	return err_say(
		err, ENOTSUP,
		"descriptor %d is the POSIX message queue '%s' of another IPC namespace than "
		"the agent's, where it cannot be made again",
		number, name);
}

static int mqueue_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			  struct err *err)
{
	struct mq_attr attr;
	long rc = sys3(__NR_mq_getsetattr, seen->dup, NULL, &attr);

	if (rc < 0)
		return err_set(err, (int)rc, "look at the POSIX message queue '%s'", seen->link);
	f->object = seen->st.st_ino;
	f->arg[MQUEUE_ARG_MAXMSG] = (uint64_t)attr.mq_maxmsg;
	f->arg[MQUEUE_ARG_MSGSIZE] = (uint64_t)attr.mq_msgsize;
	f->arg[MQUEUE_ARG_UID] = seen->st.st_uid;
	f->arg[MQUEUE_ARG_GID] = seen->st.st_gid;
	if (!seen->st.st_nlink)
		f->flags |= IMG_FILE_DELETED;
	return seen->st.st_nlink ? mqueue_check_namespace(m, f, seen->fd, err) : 0;
}

const struct img_file *mqueue_holder(const struct model *const *models, size_t n,
				     const struct img_file *f, const struct model **m)
{
	const struct img_file *holder = f;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < models[i]->files.n; k++) {
			const struct img_file *other = &models[i]->files.at[k];

			if (other->kind != IMG_F_MQUEUE || other->object != f->object ||
			    !other->data.len)
				continue;
			holder = other;
			*m = models[i];
		}
	return holder;
}

/* Another description of the queue that @fd is one of. */
static int mqueue_again(int fd, const struct img_file *f)
{
	char path[64];

	text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (int)(f->open_flags & (O_ACCMODE | O_NONBLOCK)) | O_CLOEXEC);
}

/* Made, and its name taken away again; under another name where its own is in use. */
static int mqueue_make_nameless(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int made = res_made_find(r, f->object, f->kind);
	const struct model *m = r->m;
	const struct img_file *holder = mqueue_holder(r->models, r->nmodels, f, &m);
	char name[NAME_MAX + 2];
	OWNED_FD int fd = made < 0 ? -1 : fcntl(made, F_DUPFD_CLOEXEC, 0);
	int again;

	mqueue_name(name, sizeof(name), r->m, f);
	if (fd < 0)
		fd = mqueue_create(m, holder, name, err);
	if (fd == -EEXIST) {
		text_format(name, sizeof(name), "/cairn.%d.%u", getpid(), f->id);
		fd = mqueue_create(m, holder, name, err);
	}
	if (fd < 0)
		return fd;
	if (made < 0)
		sys1(__NR_mq_unlink, name + 1);
	again = mqueue_again(fd, f);
	return again < 0 ? err_set(err, errno, "open the POSIX message queue '%s'", name) : again;
}

static int mqueue_make_one(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int flags = (int)(f->open_flags & (O_ACCMODE | O_NONBLOCK)); /* closed by execve anyway */
	char name[NAME_MAX + 2];
	long fd;

	if (f->flags & IMG_FILE_DELETED)
		return mqueue_make_nameless(r, f, err);
	mqueue_name(name, sizeof(name), r->m, f);
	fd = sys4(__NR_mq_open, name + 1, flags, 0, NULL);
	return fd < 0 ? err_set(err, (int)fd, "open the POSIX message queue '%s'", name) : (int)fd;
}

static int mqueue_settle_one(struct res_restart *r, const struct img_file *f, int fd,
			     struct err *err)
{
	(void)r;
	return f->flags & IMG_FILE_DELETED ? mqueue_give(fd, f, err) : 0;
}

const struct res_kind res_mqueue = {
	.kind = IMG_F_MQUEUE,
	.name = "message queue",
	.match = mqueue_match,
	.capture = mqueue_capture,
	.make = mqueue_make_one,
	.settle = mqueue_settle_one,
};
