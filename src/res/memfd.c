/* SPDX-License-Identifier: Apache-2.0 */
/* memfd: memory with a descriptor; contents and seals. */
#include "base/owned.h"
#include "base/text.h"
#include "host/procid.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { /* Linux 6.3 */
       MEMFD_NOEXEC_SEAL = 8,
       MEMFD_EXEC = 16,
       MEMFD_SEAL_EXEC = 0x20,
};

int res_memfd_create(const char *name, unsigned int flags, bool executable)
{
	unsigned int how = executable ? MEMFD_EXEC : MEMFD_NOEXEC_SEAL;
	int fd = memfd_create(name, flags | how | MFD_CLOEXEC);

	/* An older kernel, or one that lets nobody ask for it. */
	return fd < 0 ? memfd_create(name, flags | MFD_CLOEXEC) : fd;
}

static bool memfd_match(const struct res_seen *seen)
{
	return S_ISREG(seen->st.st_mode) && text_starts(seen->link, "/memfd:");
}

/* A path (O_PATH) does not tell them. */
static int memfd_seals(const struct res_seen *seen)
{
	OWNED_FD int fd = -1;
	char via[64];

	if (!(seen->flags & O_PATH))
		return fcntl(seen->dup, F_GET_SEALS);
	text_format(via, sizeof(via), "/proc/%d/fd/%d", procid_shown(seen->pid), seen->fd);
	fd = open(via, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fd : fcntl(fd, F_GET_SEALS);
}

static int memfd_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			 struct err *err)
{
	off_t pos = lseek(seen->dup, 0, SEEK_CUR);
	int seals = memfd_seals(seen);
	struct statfs fs;

	if (text_starts(seen->link, "/memfd:secret"))
		return err_say(err, ENOTSUP,
			       "descriptor %d is secret memory, which nobody can read", seen->fd);
	if (fstatfs(seen->dup, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is '%s' of huge pages, which cannot be brought back yet; "
			"let the program use ordinary ones",
			seen->fd, seen->link);
	f->pos = pos < 0 ? 0 : (uint64_t)pos;
	f->object = seen->st.st_ino;
	f->arg[MEMFD_ARG_SEALS] = seals < 0 ? 0 : (uint64_t)seals;
	return res_save_nameless(m, seen, f, err);
}

/* "/memfd:NAME (deleted)" -> NAME */
static void memfd_name(char *name, size_t size, const char *link)
{
	text_copy(name, size, link + sizeof("/memfd:") - 1);
	text_drop_end(name, " (deleted)");
}

/* Another description of what @fd is. */
static int memfd_open_again(int fd, const struct img_file *f)
{
	char via[64];

	text_format(via, sizeof(via), "/proc/self/fd/%d", fd);
	return open(via, (int)(f->open_flags & (O_ACCMODE | O_PATH)) | O_CLOEXEC);
}

static int memfd_make_first(struct res_restart *r, const struct img_file *f, const char *path,
			    struct err *err)
{
	OWNED_FD int fd = -1;
	char name[250];
	int rc;

	memfd_name(name, sizeof(name), path);
	/* Sealed at birth it could not become executable any more. */
	fd = res_memfd_create(name, MFD_ALLOW_SEALING,
			      !(f->arg[MEMFD_ARG_SEALS] & MEMFD_SEAL_EXEC) || f->mode & 0111);
	if (fd < 0)
		return err_set(err, errno, "make '%s'", path);
	rc = res_load_nameless(r->m, f, fd, err);
	if (rc < 0)
		return rc;
	res_give_owner(fd, f);
	if (f->mode & S_IFMT && fchmod(fd, f->mode & 07777) < 0)
		return err_set(err, errno, "mode of '%s'", path);
	if (f->arg[MEMFD_ARG_SEALS] && !(f->arg[MEMFD_ARG_SEALS] & F_SEAL_FUTURE_WRITE) &&
	    fcntl(fd, F_ADD_SEALS, (int)f->arg[MEMFD_ARG_SEALS]) < 0)
		return err_set(err, errno, "seals of '%s'", path);
	return owned_fd_take(&fd);
}

static int memfd_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	int made = res_made_find(r, f->object, f->kind);
	OWNED_FD int first = made < 0 ? memfd_make_first(r, f, path, err) : -1;
	OWNED_FD int fd = -1;

	if (made < 0 && first < 0)
		return first;
	if (first >= 0 && (f->open_flags & O_ACCMODE) == O_RDWR)
		fd = owned_fd_take(&first);
	else
		fd = memfd_open_again(made < 0 ? first : made, f);
	if (fd >= 0 && f->open_flags & O_PATH)
		return owned_fd_take(&fd);
	if (fd < 0 || lseek(fd, (off_t)f->pos, SEEK_SET) < 0)
		return err_set(err, errno, "open '%s' again", path);
	if (fcntl(fd, F_SETFL, f->open_flags & (O_APPEND | O_NONBLOCK)) < 0)
		return err_set(err, errno, "flags of '%s'", path);
	return owned_fd_take(&fd);
}

const struct res_kind res_memfd = {
	.kind = IMG_F_MEMFD,
	.name = "memfd",
	.match = memfd_match,
	.capture = memfd_capture,
	.make = memfd_make,
};
