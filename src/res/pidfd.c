/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd: a process of the computation, or one that is no more.
 *
 * It can be opened when the process is there again, so each process that has one opens its own. For one
 * that has gone a child takes its place that ends as that did; all pidfds for it are opened before it is
 * waited for, as none can be after that.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "host/proc.h"
#include "res/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIDFD_FS = 0x50494446 }; /* since Linux 6.9 an inode is a process */

/* Ids of records are not to be taken for inodes of pipes and sockets. */
static const uint64_t pidfd_spare = 1ull << 60;

static bool pidfd_match(const struct res_seen *seen)
{
	return text_equal(seen->link, "anon_inode:[pidfd]");
}

/* Who it was and how it has ended, as far as this kernel tells. */
static void pidfd_see_ended(const struct res_seen *seen, struct img_file *f)
{
	int status = proc_pidfd_status(seen->dup);
	struct statfs fs;

	if (fstatfs(seen->dup, &fs) == 0 && fs.f_type == PIDFD_FS)
		f->arg[RES_PIDFD_ARG_SAME] = seen->st.st_ino;
	if (status > 0)
		f->arg[RES_PIDFD_ARG_STATUS] = (uint32_t)status;
}

static int pidfd_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			 struct err *err)
{
	(void)m;
	if (!(seen->info.has & FDINFO_PIDFD) || !seen->info.pidfd_pid)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is a pidfd for a process that cannot be seen from here; "
			"close it before the checkpoint",
			seen->fd);
	if (seen->info.pidfd_pid > 0)
		f->arg[RES_PIDFD_ARG_PID] = (uint64_t)seen->info.pidfd_pid;
	else
		pidfd_see_ended(seen, f);
	return 0;
}

static bool pidfd_late(const struct model *m, const struct img_file *f)
{
	(void)m;
	return f->arg[RES_PIDFD_ARG_PID];
}

static int pidfd_flags(const struct img_file *f)
{
	return (int)(f->open_flags & (O_NONBLOCK | O_EXCL /* PIDFD_THREAD */));
}

/* Those of all processes that are for the same ended one as @f; @f itself is done. */
static int pidfd_open_same(struct res_restart *r, const struct img_file *f, pid_t pid,
			   struct err *err)
{
	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t j = 0; j < r->models[i]->files.n; j++) {
			const struct img_file *o = &r->models[i]->files.at[j];
			int fd, rc;

			if (o->id == f->id || o->kind != IMG_F_PIDFD || o->arg[RES_PIDFD_ARG_PID] ||
			    o->arg[RES_PIDFD_ARG_SAME] != f->arg[RES_PIDFD_ARG_SAME])
				continue;
			fd = (int)sys2(__NR_pidfd_open, pid, pidfd_flags(o));
			rc = fd < 0 ? err_set(err, -fd, "open a pidfd again")
				    : res_spare_put(r, pidfd_spare | o->id, fd, err);
			if (rc < 0)
				return rc;
		}
	return 0;
}

static int pidfd_open_ended(struct res_restart *r, const struct img_file *f, struct err *err)
{
	OWNED_FD int fd = res_spare_take(r, pidfd_spare | f->id);
	long pid;
	int rc = 0;

	if (fd >= 0)
		return owned_fd_take(&fd);
	/* With no signal at its end: nobody else is to know. */
	pid = sys5(__NR_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		proc_end_like((int)f->arg[RES_PIDFD_ARG_STATUS]);
	if (pid < 0)
		return err_set(err, (int)-pid, "a process in the place of one that has ended");
	fd = (int)sys2(__NR_pidfd_open, pid, pidfd_flags(f));
	if (fd < 0)
		rc = err_set(err, -fd, "open a pidfd again");
	else if (f->arg[RES_PIDFD_ARG_SAME])
		rc = pidfd_open_same(r, f, (pid_t)pid, err);
	while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return rc < 0 ? rc : owned_fd_take(&fd);
}

static int pidfd_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	pid_t pid = (pid_t)f->arg[RES_PIDFD_ARG_PID];
	int fd;

	if (!pid)
		return pidfd_open_ended(r, f, err);
	if (r->await)
		r->await(r->context, pid);
	fd = (int)sys2(__NR_pidfd_open, pid, pidfd_flags(f));
	return fd < 0 ? err_set(err, -fd, "open a pidfd for process %d", pid) : fd;
}

const struct res_kind res_pidfd = {
	.kind = IMG_F_PIDFD,
	.name = "pidfd",
	.match = pidfd_match,
	.capture = pidfd_capture,
	.late = pidfd_late,
	.make = pidfd_make,
};
