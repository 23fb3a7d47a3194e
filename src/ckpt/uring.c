/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to io_urings that are in flight. Those to files end by themselves; but the kernel tells of
 * their ends only when the thread comes by that had made them, and all stand still. So each is sent into
 * the kernel for a moment, with a call that takes nothing and waits for nothing, until all have ended.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "ckpt/checkpoint_state.h"
#include "res/capture.h"
#include "trace/errand.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	URING_WAIT_NS = 500000000, /* the program stands still meanwhile */
	URING_PAUSE_NS = 50000, /* between two looks; nothing tells when it is worth one */
	URING_PAUSE_MAX_NS = 2000000,
	URING_ENTER_REGISTERED = 1 << 4, /* IORING_ENTER_REGISTERED_RING, Linux 5.18 */
};

struct uring_held { /* by a process */
	size_t process;
	int fd; /* its number */
	uint64_t ino; /* which it is */
	size_t first; /* of all that hold it; what follows is only there */
	int dup; /* our descriptor; -1 with the others */
	bool answered; /* by one of the threads that it may answer only one of */
	struct res_uring state;
};

struct uring_all {
	MODEL_ARRAY(struct uring_held) held; /* those of a process one after the other */
};

static void uring_all_done(struct uring_all *all)
{
	for (size_t i = 0; i < all->held.n; i++)
		if (all->held.at[i].dup >= 0)
			close(all->held.at[i].dup);
	free(all->held.at);
}

static struct uring_held *uring_first(const struct uring_all *all, const struct uring_held *h)
{
	return &all->held.at[h->first];
}

static int uring_add(struct uring_all *all, const struct ckpt *ckpt, size_t process,
		     const struct res_listed *d, struct err *err)
{
	const struct res_listing *l = &ckpt->processes[process].listing;
	struct uring_held *h = model_add(&all->held);
	struct fdinfo info;
	OWNED_FD int pidfd = -1;
	int rc = h ? fdinfo_parse(&info, listing_text(l, d->info), d->info_len, err)
		   : err_set(err, ENOMEM, "look at io_urings");

	if (h)
		*h = (struct uring_held){ .process = process, .fd = d->fd, .dup = -1 };
	if (rc < 0)
		return rc;
	h->ino = info.ino;
	while (&all->held.at[h->first] != h && (!h->ino || all->held.at[h->first].ino != h->ino))
		h->first++;
	if (uring_first(all, h) != h)
		return 0;
	pidfd = capture_pidfd(ckpt->processes[process].alive);
	h->dup = (int)sys3(__NR_pidfd_getfd, pidfd, h->fd, 0);
	return h->dup < 0 ? err_set(err, h->dup, "look at descriptor %d", h->fd) : 0;
}

static int uring_find(struct uring_all *all, const struct ckpt *ckpt, size_t process,
		      struct err *err)
{
	const struct res_listing *l = &ckpt->processes[process].listing;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < l->fds.n; i++)
		if (res_uring_is(listing_text(l, l->fds.at[i].link)))
			rc = uring_add(all, ckpt, process, &l->fds.at[i], err);
	return rc;
}

/* Behind the last that the process of @first holds. */
static size_t uring_behind(const struct uring_all *all, size_t first)
{
	size_t i = first;

	while (i < all->held.n && all->held.at[i].process == all->held.at[first].process)
		i++;
	return i;
}

/* Whatever there is to be done for threads of a process, in each of its rings that is not at rest. */
static int uring_send(struct ckpt *ckpt, const struct uring_all *all, size_t first, size_t behind,
		      struct err *err)
{
	OWNED_PTR struct errand *errands = calloc(behind - first, sizeof(*errands));
	size_t n = 0;

	if (!errands)
		return err_set(err, ENOMEM, "look at io_urings");
	for (size_t i = first; i < behind; i++) {
		const struct uring_held *h = &all->held.at[i];

		if (res_uring_busy(&uring_first(all, h)->state))
			errands[n++] = (struct errand){ __NR_io_uring_enter,
							{ (uint64_t)h->fd, 0, 0,
							  IORING_ENTER_GETEVENTS } };
	}
	return !n ? 0
		  : errand_run(&ckpt->park, &ckpt->park.processes[all->held.at[first].process],
			       errands, n, NULL, NULL, err);
}

static int uring_send_all(struct ckpt *ckpt, const struct uring_all *all, struct err *err)
{
	int rc = 0;

	for (size_t i = 0, behind; rc >= 0 && i < all->held.n; i = behind) {
		behind = uring_behind(all, i);
		rc = uring_send(ckpt, all, i, behind, err);
	}
	return rc;
}

/* The first that is not at rest, or NULL. */
static int uring_look(struct uring_all *all, const struct uring_held **busy, struct err *err)
{
	*busy = NULL;
	for (size_t i = 0; i < all->held.n; i++) {
		struct uring_held *h = &all->held.at[i];
		int rc = h->dup < 0 ? 0 : res_uring_look(h->dup, &h->state, err);

		if (rc < 0)
			return err_add(err, "descriptor %d", h->fd);
		if (!*busy && h->dup >= 0 && res_uring_busy(&h->state))
			*busy = h;
	}
	return 0;
}

static int uring_wait(struct ckpt *ckpt, struct uring_all *all, bool *moved, struct err *err)
{
	int64_t until = ckpt_now() + URING_WAIT_NS;
	struct timespec pause = { 0, URING_PAUSE_NS };
	const struct uring_held *busy;
	int rc = uring_look(all, &busy, err);

	while (rc >= 0 && busy && !(*moved && (busy->state.polls || ckpt_now() >= until))) {
		if (*moved)
			nanosleep(&pause, NULL);
		if (*moved && pause.tv_nsec < URING_PAUSE_MAX_NS)
			pause.tv_nsec *= 2;
		*moved = true;
		rc = uring_send_all(ckpt, all, err);
		if (rc >= 0)
			rc = uring_look(all, &busy, err);
	}
	if (rc < 0 || !busy)
		return rc;
	return err_say(
		err, EBUSY,
		"process %d: descriptor %d is an io_uring that %s; try again when the program "
		"waits for no more",
		ckpt->processes[busy->process].pid, busy->fd, res_uring_busy(&busy->state));
}

/* Buffers are in the memory of the process that has registered them: there must be no other. */
static int uring_refuse_shared(const struct ckpt *ckpt, const struct uring_all *all,
			       struct err *err)
{
	for (size_t i = 0; i < all->held.n; i++) {
		const struct uring_held *h = &all->held.at[i], *first = uring_first(all, h);

		if (first->process != h->process && first->state.buffers)
			return err_say(
				err, ENOTSUP,
				"process %d: descriptor %d is an io_uring that has registered "
				"buffers, of it or of process %d, which cannot be told",
				ckpt->processes[h->process].pid, h->fd,
				ckpt->processes[first->process].pid);
	}
	return 0;
}

/* Is all of @r mapped? */
static bool uring_is_mapped(const struct model *m, const struct img_range *r)
{
	uint64_t at = r->addr, end = r->addr + r->len;

	for (size_t i = 0; at < end && i < m->vmas.n; i++)
		if (m->vmas.at[i].start <= at && at < m->vmas.at[i].end)
			at = m->vmas.at[i].end;
	return at >= end;
}

int capture_uring_buffers(const struct capture *c, struct err *err)
{
	for (size_t i = 0; i < c->m->files.n; i++) {
		size_t n;
		const struct img_range *b = res_uring_buffers(c->m, &c->m->files.at[i], &n);

		for (size_t k = 0; k < n; k++)
			if (!uring_is_mapped(c->m, &b[k]))
				return err_say(
					err, ENOTSUP,
					"memory at %llx that is registered with an io_uring is "
					"no longer mapped, which cannot be brought back",
					(unsigned long long)b[k].addr);
	}
	return 0;
}

struct uring_answer {
	bool any;
	long answer; /* of the one that may ask */
};

static void uring_told(void *context, size_t which, long result)
{
	struct uring_answer *a = context;

	(void)which;
	if (result == -EEXIST)
		return;
	a->any = true;
	a->answer = result;
}

/* One that answers a certain thread only is asked by that, if that is one of this process. */
static int uring_ask_threads(struct ckpt *ckpt, const struct uring_held *h, bool *answered,
			     struct err *err)
{
	struct uring_answer a = { .any = false };
	struct errand question = { .nr = 0 };
	struct park_process *process = &ckpt->park.processes[h->process];
	int rc;

	question.nr = res_uring_question((uint64_t)h->fd, question.args);
	rc = errand_run(&ckpt->park, process, &question, 1, uring_told, &a, err);
	*answered = a.any;
	if (rc >= 0 && a.any)
		rc = res_uring_answer(h->fd, a.answer, err);
	return rc < 0 ? err_add(err, "process %d", process->pid) : 0;
}

static int uring_ask_bound(struct ckpt *ckpt, struct uring_all *all, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < all->held.n; i++)
		if (all->held.at[i].dup >= 0)
			all->held.at[i].answered = !res_uring_is_bound(all->held.at[i].dup);
	for (size_t i = 0; rc >= 0 && i < all->held.n; i++) {
		struct uring_held *h = &all->held.at[i], *first = uring_first(all, h);

		if (!first->answered)
			rc = uring_ask_threads(ckpt, h, &first->answered, err);
	}
	for (size_t i = 0; rc >= 0 && i < all->held.n; i++)
		if (all->held.at[i].dup >= 0 && !all->held.at[i].answered)
			rc = err_say(
				err, ENOTSUP,
				"process %d: descriptor %d is an io_uring for a thread that is "
				"not there (SINGLE_ISSUER), which cannot be brought back",
				ckpt->processes[all->held.at[i].process].pid, all->held.at[i].fd);
	return rc;
}

static void uring_told_registered(void *context, size_t which, long result)
{
	bool *registered = context;

	(void)which;
	*registered |= result != -EBADF && result != -EINVAL;
}

/* A thread may have one that it does not name by its descriptor, but by a number of its own: from 0 on. */
static int uring_ask_registered(struct ckpt *ckpt, const struct uring_all *all, struct err *err)
{
	struct errand question = { __NR_io_uring_enter, { 0, 0, 0, URING_ENTER_REGISTERED } };
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < all->held.n; i = uring_behind(all, i)) {
		struct park_process *process = &ckpt->park.processes[all->held.at[i].process];
		bool registered = false;

		rc = errand_run(&ckpt->park, process, &question, 1, uring_told_registered,
				&registered, err);
		if (rc >= 0 && registered)
			rc = err_say(
				err, ENOTSUP,
				"process %d: a thread has registered the descriptor of an "
				"io_uring (io_uring_register_ring_fd), which cannot be brought "
				"back yet",
				process->pid);
	}
	return rc;
}

int ckpt_settle_urings(struct ckpt *ckpt, bool *moved, struct err *err)
{
	struct uring_all all = { .held = { 0 } };
	int rc = 0;

	*moved = false;
	for (size_t i = 0; rc >= 0 && i < ckpt->nprocesses; i++)
		if (!ckpt->processes[i].zombie)
			rc = uring_find(&all, ckpt, i, err);
	if (rc >= 0 && all.held.n)
		rc = uring_wait(ckpt, &all, moved, err);
	if (rc >= 0)
		rc = uring_refuse_shared(ckpt, &all, err);
	if (rc >= 0)
		rc = uring_ask_bound(ckpt, &all, err);
	if (rc >= 0)
		rc = uring_ask_registered(ckpt, &all, err);
	uring_all_done(&all);
	return rc;
}
