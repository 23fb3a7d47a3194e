/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd: a process of the computation, or one that is no more.
 *
 * It can be opened when the process is there again, so each process that has one opens its own. For one
 * that has gone a child takes its place that ends at once.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "res/res.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool pidfd_match(const struct res_seen *seen)
{
	return text_equal(seen->link, "anon_inode:[pidfd]");
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
	return 0;
}

static bool pidfd_late(const struct model *m, const struct img_file *f)
{
	(void)m;
	return f->arg[RES_PIDFD_ARG_PID];
}

static int pidfd_open_ended(int flags)
{
	/* With no signal at its end: nobody else is to know. */
	long pid = sys5(__NR_clone, 0, 0, 0, 0, 0);
	long fd;

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return (int)pid;
	fd = sys2(__NR_pidfd_open, pid, flags);
	while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return (int)fd;
}

static int pidfd_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	pid_t pid = (pid_t)f->arg[RES_PIDFD_ARG_PID];
	int flags = (int)(f->open_flags & (O_NONBLOCK | O_EXCL /* PIDFD_THREAD */));
	int fd;

	if (pid && r->await)
		r->await(r->context, pid);
	fd = pid ? (int)sys2(__NR_pidfd_open, pid, flags) : pidfd_open_ended(flags);
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
