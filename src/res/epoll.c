/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll: what it watches, by the program's descriptor numbers. Added again once every number
 * is in place; ready lists rebuild themselves.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

static bool epoll_match(const struct res_seen *seen)
{
	return text_equal(seen->link, "anon_inode:[eventpoll]");
}

static int epoll_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			 struct err *err)
{
	uint32_t id = f->id; /* f moves when the model grows */
	struct scan scan = scan_over(seen->text, seen->len);
	struct fdinfo_target target;

	while (fdinfo_next_target(&scan, &target)) {
		struct img_epoll *e = model_add(&m->epolls);

		if (!e)
			return err_set(err, ENOMEM, "descriptor %d: what epoll watches", seen->fd);
		e->file = id;
		e->fd = target.fd;
		e->events = target.events;
		e->data = target.data;
	}
	return 0;
}

static int epoll_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	(void)r;
	(void)f;
	return fd < 0 ? err_set(err, errno, "make an epoll descriptor") : fd;
}

/* Is the target open under the number that it was added under? */
static bool epoll_in_place(const struct model *m, const struct img_epoll *e)
{
	for (size_t i = 0; i < m->fds.n; i++)
		if (m->fds.at[i].fd == e->fd)
			return m->fds.at[i].file == e->target;
	return false;
}

/* The number is another's by now, or nobody's: the target has it for a moment. */
static int epoll_add_out_of_place(const struct res_restart *r, int fd, const struct img_epoll *e,
				  struct epoll_event *event, struct err *err)
{
	int target = res_restart_find(r, e->target), flags = fcntl(e->fd, F_GETFD);
	OWNED_FD int kept = fcntl(e->fd, F_DUPFD_CLOEXEC, r->base);
	int rc = 0;

	if (target < 0)
		return err_say(err, EINVAL, "no process has file %u, which epoll watches",
			       e->target);
	if ((target != e->fd && dup3(target, e->fd, O_CLOEXEC) < 0) ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, e->fd, event) < 0)
		rc = err_set(err, errno, "let epoll watch what was descriptor %d", e->fd);
	if (kept < 0)
		close(e->fd);
	else if (target != e->fd)
		dup3(kept, e->fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
	return rc;
}

/* A one-shot that has fired: it waits for nothing, not even for an end, until the program asks again. */
static bool epoll_has_fired(const struct img_epoll *e)
{
	return e->events & EPOLLONESHOT &&
	       !(e->events & ~(uint32_t)(EPOLLONESHOT | EPOLLET | EPOLLWAKEUP));
}

/* What it would tell of now, had it been asked for all. */
static uint32_t epoll_ready(int target)
{
	struct pollfd p = { .fd = target, .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP };

	return poll(&p, 1, 0) > 0 ? EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP : 0;
}

/* Returns whether it has been added here, and not by another process that has the same epoll. */
static int epoll_add(const struct res_restart *r, const struct model *m, int fd,
		     const struct img_epoll *e, uint32_t more, struct err *err)
{
	struct epoll_event event = { .events = e->events | more, .data.u64 = e->data };
	int rc;

	if (!epoll_in_place(m, e)) {
		rc = epoll_add_out_of_place(r, fd, e, &event, err);
		return rc < 0 ? rc : 1;
	}
	if (epoll_ctl(fd, EPOLL_CTL_ADD, e->fd, &event) == 0)
		return 1;
	return errno == EEXIST ? 0 : err_set(err, errno, "let epoll watch descriptor %d", e->fd);
}

/*
 * Only by firing does one become so: whoever is added or changed tells of errors and hang-ups, asked or not.
 * Those that are ready for anything do so here, before there are others that epoll_wait could take something
 * from.
 */
static int epoll_add_fired(const struct res_restart *r, const struct model *m,
			   const struct img_file *f, int fd, struct err *err)
{
	struct epoll_event got;
	int rc = 0, fired = 0;

	for (size_t i = 0; i < m->epolls.n && rc >= 0; i++) {
		const struct img_epoll *e = &m->epolls.at[i];
		uint32_t ready;

		if (e->file != f->id || !epoll_has_fired(e))
			continue;
		ready = epoll_ready(epoll_in_place(m, e) ? e->fd : res_restart_find(r, e->target));
		rc = epoll_add(r, m, fd, e, ready, err);
		fired += rc > 0 && ready;
	}
	while (fired-- > 0)
		epoll_wait(fd, &got, 1, 0);
	return rc < 0 ? rc : 0;
}

static int epoll_finish(const struct res_restart *r, const struct model *m,
			const struct img_file *f, int fd, struct err *err)
{
	int rc = epoll_add_fired(r, m, f, fd, err);

	for (size_t i = 0; i < m->epolls.n && rc >= 0; i++) {
		const struct img_epoll *e = &m->epolls.at[i];

		if (e->file == f->id && !epoll_has_fired(e))
			rc = epoll_add(r, m, fd, e, 0, err);
	}
	return rc < 0 ? rc : 0;
}

const struct res_kind res_epoll = {
	.kind = IMG_F_EPOLL,
	.name = "epoll",
	.match = epoll_match,
	.capture = epoll_capture,
	.make = epoll_make,
	.finish = epoll_finish,
};
