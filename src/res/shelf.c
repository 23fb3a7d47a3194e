/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shelves: processes that hold descriptors for a restart while the limit on open files leaves no room for
 * them here.
 *
 * A shelf is a fork of the process that makes them and has each under the number that it had here; whoever is
 * in need of one takes a copy (pidfd_getfd). It does nothing, and is ended by who started the restart when
 * all have what is theirs.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "res/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

struct res_shelves {
	int *pidfds;
	size_t n;
	int most, here; /* descriptors that may be in this process, and are */
};

int shelf_begin(struct res_restart *r, int most, struct err *err)
{
	r->shelves = calloc(1, sizeof(*r->shelves));
	if (!r->shelves)
		return err_set(err, ENOMEM, "make descriptors");
	r->shelves->most = most;
	return 0;
}

void shelf_done(struct res_restart *r)
{
	struct res_shelves *s = r->shelves;

	for (size_t i = 0; s && i < s->n; i++)
		close(s->pidfds[i]);
	if (s)
		free(s->pidfds);
	free(s);
	r->shelves = NULL;
}

void shelf_add(struct res_restart *r, struct res_slot *slot, int fd)
{
	*slot = (struct res_slot){ .fd = fd, .shelf = -1 };
	if (r->shelves)
		r->shelves->here++;
}

int shelf_fetch(const struct res_restart *r, struct res_slot *slot)
{
	int fd;

	if (slot->fd >= 0 || slot->shelf < 0)
		return slot->fd;
	fd = (int)sys3(__NR_pidfd_getfd, r->shelves->pidfds[slot->shelf], slot->number, 0);
	if (fd < 0)
		return fd;
	slot->fd = fcntl(fd, F_DUPFD_CLOEXEC, ROOM_LOWEST);
	close(fd);
	r->shelves->here += slot->fd >= 0;
	return slot->fd;
}

/* Yama asks for it: who fetches is no ancestor of ours. Nothing of this process is worth protecting. */
static void __attribute__((noreturn)) shelf_sit(int ready)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	(void)!write(ready, "", 1);
	for (;;)
		pause();
}

/* Fork one that has all that is here; a pidfd for it. */
static int shelf_fork(struct res_restart *r)
{
	int line[2], rc;
	char byte;
	pid_t pid;

	if (pipe2(line, O_CLOEXEC) < 0)
		return -errno;
	pid = r->fork_shelf ? r->fork_shelf(r->context) : -EMFILE;
	if (pid == 0)
		shelf_sit(line[1]);
	close(line[1]);
	rc = pid > 0 && read(line[0], &byte, 1) != 1 ? -ECHILD : pid;
	close(line[0]);
	return rc < 0 ? rc : (int)sys2(__NR_pidfd_open, pid, 0);
}

static int shelf_make(struct res_restart *r, struct err *err)
{
	struct res_shelves *s = r->shelves;
	int *more = realloc(s->pidfds, (s->n + 1) * sizeof(*more));
	int pidfd = more ? shelf_fork(r) : -ENOMEM;

	if (more)
		s->pidfds = more;
	if (pidfd < 0)
		return err_set(err, pidfd, "a process to hold %d descriptors meanwhile", s->here);
	s->pidfds[s->n] = fcntl(pidfd, F_DUPFD_CLOEXEC, r->base);
	close(pidfd);
	if (s->pidfds[s->n] < 0)
		return err_set(err, errno, "a descriptor above %d", r->base);
	return (int)s->n++;
}

void shelf_placed(const struct res_restart *r, struct res_slot *slot, int fd, bool serves)
{
	bool here = slot->fd >= 0 && !slot->placed;

	if (slot->placed || (!serves && slot->fd != fd))
		return;
	if (here && slot->fd != fd)
		close(slot->fd);
	r->shelves->here -= here;
	slot->fd = serves ? fd : -1;
	slot->placed = serves;
}

void shelf_drop(const struct res_restart *r)
{
	struct res_slot *slot;

	if (!r->shelves || !r->shelves->here)
		return;
	r->shelves->here = 0;
	for (size_t i = 0; (slot = res_slot_at(r, i)); i++) {
		if (slot->fd < 0 || slot->placed)
			continue;
		if (slot->shelf < 0) {
			r->shelves->here++;
			continue;
		}
		close(slot->fd);
		slot->fd = -1;
	}
}

int shelf_clear(struct res_restart *r, struct err *err)
{
	struct res_slot *slot;
	int shelf = -1;

	for (size_t i = 0; r->shelves && (slot = res_slot_at(r, i)); i++) {
		if (slot->fd < 0 || slot->shelf >= 0)
			continue;
		if (shelf < 0)
			shelf = shelf_make(r, err);
		if (shelf < 0)
			return shelf;
		slot->shelf = shelf;
		slot->number = slot->fd;
	}
	shelf_drop(r);
	return 0;
}

int shelf_trim(struct res_restart *r, struct err *err)
{
	return !r->shelves || r->shelves->here < r->shelves->most ? 0 : shelf_clear(r, err);
}
