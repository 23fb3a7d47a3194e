/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a capture: what refers to other descriptions, when those of all processes are known. */
#include "res/described.h"

#include <fcntl.h>
#include <unistd.h>

/* What @e watches: what is open under the number that it was added under, mostly. */
static uint32_t settle_epoll_target(struct res_capture *c, const struct model *m, size_t at)
{
	const struct img_epoll *e = &m->epolls.at[at];
	const struct res_described *epoll = described_find(c, e->file);
	uint32_t nth = 0, likely = 0;

	for (size_t i = 0; i < at; i++)
		nth += m->epolls.at[i].file == e->file && m->epolls.at[i].fd == e->fd;
	for (size_t i = 0; i < m->fds.n; i++)
		if (m->fds.at[i].fd == e->fd)
			likely = m->fds.at[i].file;
	if (!epoll || c->no_kcmp)
		return likely;
	if (likely && described_is_target(described_find(c, likely), epoll, e->fd, nth))
		return likely;
	for (size_t i = 0; i < c->ndescribed; i++)
		if (described_is_target(&c->described[i], epoll, e->fd, nth))
			return c->described[i].id;
	return 0;
}

static int settle_epolls(struct res_capture *c, struct model *m, struct err *err)
{
	for (size_t i = 0; i < m->epolls.n; i++) {
		struct img_epoll *e = &m->epolls.at[i];
		int rc;

		e->target = settle_epoll_target(c, m, i);
		if (!e->target)
			return err_say(
				err, ENOTSUP,
				"an epoll descriptor watches what was descriptor %d, which no "
				"process of the computation has open any more",
				e->fd);
		rc = described_mention(m, e->target, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * A pidfd is for a process of the computation, or for us, who are its root's parent again. Threads are there
 * only when all descriptors are.
 */
static int settle_pidfds(const struct model *m, struct model *const *models, size_t n,
			 struct err *err)
{
	for (size_t i = 0; i < m->files.n; i++) {
		pid_t pid = (pid_t)m->files.at[i].arg[RES_PIDFD_ARG_PID];
		bool known = !pid || pid == getpid();
		bool thread = m->files.at[i].open_flags & O_EXCL; /* PIDFD_THREAD */

		if (m->files.at[i].kind != IMG_F_PIDFD || m->files.at[i].std_stream >= 0)
			continue;
		for (size_t k = 0; !known && k < n; k++)
			known = models[k]->process.pid == pid;
		if (!known)
			return err_say(err, ENOTSUP,
				       "a pidfd is for %s %d, which %s; close it before the "
				       "checkpoint",
				       thread ? "thread" : "process", pid,
				       thread ? "is not its process's first"
					      : "is not of the computation");
	}
	return 0;
}

int res_capture_settle(struct res_capture *c, struct model *const *models, size_t n,
		       struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int rc = settle_epolls(c, models[i], err);

		if (rc >= 0)
			rc = settle_pidfds(models[i], models, n, err);
		if (rc < 0)
			return err_add(err, "process %d", models[i]->process.pid);
	}
	return 0;
}
