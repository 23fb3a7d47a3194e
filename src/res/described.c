/* SPDX-License-Identifier: Apache-2.0 */
#include "res/described.h"

#include "base/owned.h"
#include "base/sys.h"
#include "res/capture.h"
#include "res/inet.h"
#include "res/kinds.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DESCRIBED_UNKNOWN = 2 };

void res_capture_init(struct res_capture *c, const struct res_stream *streams, size_t nstreams)
{
	*c = (struct res_capture){ .next_id = 1,
				   .streams = streams,
				   .nstreams = nstreams,
				   .entries_left = RES_ENTRIES_MAX };
}

void res_capture_land(struct res_capture *c)
{
	for (size_t i = 0; i < c->nflying; i++)
		close(c->flying[i]);
	free(c->flying);
	c->flying = NULL;
	c->nflying = 0;
	inet_capture_done(c);
	c->inet = NULL;
	c->ninet = c->inet_room = 0;
}

void res_capture_done(struct res_capture *c)
{
	res_capture_land(c);
	res_later_done(c);
	temporary_done(c);
	sockdiag_all_done(&c->unix_all);
	free(c->described);
	free(c->sorted);
	*c = (struct res_capture){ .next_id = 1 };
}

static bool described_same_by_flag(int dup, pid_t pid, int fd)
{
	OWNED_FD int pidfd = capture_pidfd(pid);
	OWNED_FD int other = pidfd < 0 ? -1 : (int)sys3(__NR_pidfd_getfd, pidfd, fd, 0);
	int before = fcntl(dup, F_GETFL), seen;

	if (other < 0 || before < 0 || fcntl(other, F_GETFL) != before)
		return false;
	if (fcntl(dup, F_SETFL, before ^ O_NONBLOCK) < 0)
		return false;
	seen = fcntl(other, F_GETFL);
	fcntl(dup, F_SETFL, before);
	return seen == (before ^ O_NONBLOCK);
}

/* 0: the same; 1 or 2: not; negative: it cannot be told. */
static long described_kcmp(struct res_capture *c, pid_t a, int afd, pid_t b, int bfd)
{
	long rc = c->no_kcmp ? -ENOSYS : sys5(__NR_kcmp, a, b, KCMP_FILE, afd, bfd);

	c->no_kcmp |= rc == -EPERM || rc == -ENOSYS;
	return rc;
}

bool described_same(struct res_capture *c, const struct res_seen *seen, pid_t pid, int fd)
{
	long rc = described_kcmp(c, seen->pid, seen->fd, pid, fd);

	return rc == 0 || (c->no_kcmp && described_same_by_flag(seen->dup, pid, fd));
}

/* Negative, 0 or positive: by file, and kcmp has an order of the descriptions of one file. */
static int described_compare(const struct res_seen *seen, const struct res_described *d)
{
	if (seen->st.st_dev != d->dev)
		return seen->st.st_dev < d->dev ? -1 : 1;
	if (seen->st.st_ino != d->ino)
		return seen->st.st_ino < d->ino ? -1 : 1;
	switch (sys5(__NR_kcmp, seen->pid, d->pid, KCMP_FILE, seen->fd, d->fd)) {
	case 0:
		return 0;
	case 1:
		return -1;
	case 2:
		return 1;
	default:
		return DESCRIBED_UNKNOWN;
	}
}

/*
 * Where in the sorted list @seen stands (then *@found) or belongs. A thousand processes may have a thousand
 * descriptions of /dev/null: asking for each of them would be a million calls. False: it cannot be told.
 */
static bool described_search(const struct res_capture *c, const struct res_seen *seen, size_t *at,
			     bool *found)
{
	size_t low = 0, high = c->unsorted ? 0 : c->ndescribed;

	*found = false;
	while (low < high && !*found) {
		size_t mid = low + (high - low) / 2;
		int order = described_compare(seen, &c->described[c->sorted[mid]]);

		if (order == DESCRIBED_UNKNOWN)
			return false;
		*found = !order;
		if (order > 0)
			low = mid + 1;
		else
			high = mid;
	}
	*at = *found ? high : low;
	return !c->unsorted;
}

uint32_t described_known(struct res_capture *c, const struct res_seen *seen)
{
	size_t at;
	bool found;

	if (described_search(c, seen, &at, &found))
		return found ? c->described[c->sorted[at]].id : 0;
	for (size_t i = 0; i < c->ndescribed; i++) {
		const struct res_described *d = &c->described[i];

		if (d->dev == seen->st.st_dev && d->ino == seen->st.st_ino &&
		    described_same(c, seen, d->pid, d->fd))
			return d->id;
	}
	return 0;
}

static int described_by_number(const void *fd, const void *entry)
{
	return *(const int *)fd - ((const struct img_fd *)entry)->fd;
}

uint32_t described_inherited(struct res_capture *c, pid_t pid, int fd)
{
	const struct img_fd *its = NULL;

	if (c->last && c->last->fds.n)
		its = bsearch(&fd, c->last->fds.at, c->last->fds.n, sizeof(*its),
			      described_by_number);
	return its && described_kcmp(c, pid, fd, c->last_pid, fd) == 0 ? its->file : 0;
}

static bool described_grow(struct res_capture *c)
{
	size_t room = c->room ? c->room * 2 : 64;
	struct res_described *more = reallocarray(c->described, room, sizeof(*more));
	uint32_t *sorted;

	if (!more)
		return false;
	c->described = more;
	sorted = reallocarray(c->sorted, room, sizeof(*sorted));
	if (!sorted)
		return false;
	c->sorted = sorted;
	c->room = room;
	return true;
}

int described_remember(struct res_capture *c, const struct res_seen *seen, uint32_t id,
		       struct err *err)
{
	size_t at;
	bool found;

	if (c->ndescribed == c->room && !described_grow(c))
		return err_set(err, ENOMEM, "remember a descriptor");
	if (described_search(c, seen, &at, &found)) {
		memmove(&c->sorted[at + 1], &c->sorted[at],
			(c->ndescribed - at) * sizeof(*c->sorted));
		c->sorted[at] = (uint32_t)c->ndescribed;
	} else {
		c->unsorted = true;
	}
	c->described[c->ndescribed++] = (struct res_described){
		.dev = seen->st.st_dev,
		.ino = seen->st.st_ino,
		.pid = seen->pid,
		.fd = seen->fd,
		.id = id,
		.cloexec = seen->flags & O_CLOEXEC,
	};
	c->hides_cloexec |= c->described[c->ndescribed - 1].cloexec;
	return 0;
}

int described_mention(struct model *m, uint32_t id, struct err *err)
{
	uint32_t *known;

	if (model_file(m, id))
		return 0;
	for (size_t i = 0; i < m->elsewhere.n; i++)
		if (m->elsewhere.at[i] == id)
			return 0;
	known = model_add(&m->elsewhere);
	if (!known)
		return err_set(err, ENOMEM, "keep descriptors");
	*known = id;
	return 0;
}

const struct res_described *described_find(const struct res_capture *c, uint32_t id)
{
	for (size_t i = 0; i < c->ndescribed; i++)
		if (c->described[i].id == id)
			return &c->described[i];
	return NULL;
}

bool described_is_target(const struct res_described *d, const struct res_described *epoll, int fd,
			 uint32_t nth)
{
	const struct kcmp_epoll_slot slot = { .efd = (uint32_t)epoll->fd,
					      .tfd = (uint32_t)fd,
					      .toff = nth };

	return sys5(__NR_kcmp, d->pid, epoll->pid, KCMP_EPOLL_TFD, d->fd, &slot) == 0;
}

bool res_hides_cloexec(const struct res_capture *c, const struct img_fd *fd)
{
	const struct res_described *d = fd->flags & FD_CLOEXEC ? described_find(c, fd->file) : NULL;

	return d && d->cloexec;
}
