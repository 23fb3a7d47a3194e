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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	URING_WAIT_NS = 500000000, /* the program stands still meanwhile */
	URING_PAUSE_NS = 50000, /* between two looks; nothing tells when it is worth one */
	URING_PAUSE_MAX_NS = 2000000,
};

struct uring_held { /* by a process */
	size_t process;
	int fd, dup; /* its number, our descriptor */
	ino_t ino; /* which it is */
	bool answered; /* by a thread of that process, if it answers but one */
	struct res_uring state;
};

struct uring_all {
	MODEL_ARRAY(struct uring_held) held; /* those of a process one after the other */
};

static void uring_all_done(struct uring_all *all)
{
	for (size_t i = 0; i < all->held.n; i++)
		close(all->held.at[i].dup);
	free(all->held.at);
}

static int uring_find(struct uring_all *all, const struct ckpt *ckpt, size_t process,
		      struct err *err)
{
	const struct res_listing *l = &ckpt->processes[process].listing;
	OWNED_FD int pidfd = -1;
	struct stat st;

	for (size_t i = 0; i < l->fds.n; i++) {
		struct uring_held *h;

		if (!res_uring_is(listing_text(l, l->fds.at[i].link)))
			continue;
		if (pidfd < 0)
			pidfd = capture_pidfd(ckpt->processes[process].alive);
		h = model_add(&all->held);
		if (!h)
			return err_set(err, ENOMEM, "look at io_urings");
		*h = (struct uring_held){ .process = process, .fd = l->fds.at[i].fd };
		h->dup = (int)sys3(__NR_pidfd_getfd, pidfd, h->fd, 0);
		if (h->dup < 0)
			return err_set(err, h->dup, "look at descriptor %d", h->fd);
		if (fstat(h->dup, &st) < 0)
			return err_set(err, errno, "look at descriptor %d", h->fd);
		h->ino = st.st_ino;
	}
	return 0;
}

/* Whatever there is to be done for threads of that process, in each of its rings. */
static int uring_send(struct ckpt *ckpt, const struct uring_held *first, size_t n, struct err *err)
{
	OWNED_PTR struct errand *errands = calloc(n, sizeof(*errands));

	if (!errands)
		return err_set(err, ENOMEM, "look at io_urings");
	for (size_t i = 0; i < n; i++)
		errands[i] =
			(struct errand){ __NR_io_uring_enter,
					 { (uint64_t)first[i].fd, 0, 0, IORING_ENTER_GETEVENTS } };
	return errand_run(&ckpt->park, &ckpt->park.processes[first->process], errands, n, NULL,
			  NULL, err);
}

/* How many from @first on are of the same process. */
static size_t uring_of_one(const struct uring_all *all, size_t first)
{
	size_t n = 1;

	while (first + n < all->held.n &&
	       all->held.at[first + n].process == all->held.at[first].process)
		n++;
	return n;
}

/* The first that is not at rest, or NULL. */
static int uring_look(struct uring_all *all, const struct uring_held **busy, struct err *err)
{
	*busy = NULL;
	for (size_t i = 0; i < all->held.n; i++) {
		struct uring_held *h = &all->held.at[i];
		int rc = res_uring_look(h->dup, &h->state, err);

		if (rc < 0)
			return err_add(err, "descriptor %d", h->fd);
		if (!*busy && res_uring_busy(&h->state))
			*busy = h;
	}
	return 0;
}

static int uring_send_all(struct ckpt *ckpt, const struct uring_all *all, struct err *err)
{
	int rc = 0;

	for (size_t i = 0, n; rc >= 0 && i < all->held.n; i += n) {
		n = uring_of_one(all, i);
		rc = uring_send(ckpt, &all->held.at[i], n, err);
	}
	return rc;
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
static int uring_ask_threads(struct ckpt *ckpt, struct uring_held *h, struct err *err)
{
	struct uring_answer a = { .any = false };
	struct errand question = { .nr = 0 };
	struct park_process *process = &ckpt->park.processes[h->process];
	int rc;

	question.nr = res_uring_question((uint64_t)h->fd, question.args);
	rc = errand_run(&ckpt->park, process, &question, 1, uring_told, &a, err);
	h->answered = a.any;
	if (rc >= 0 && a.any)
		rc = res_uring_answer(h->fd, a.answer, err);
	return rc < 0 ? err_add(err, "process %d", process->pid) : 0;
}

static bool uring_answered(const struct uring_all *all, ino_t ino)
{
	for (size_t i = 0; i < all->held.n; i++)
		if (all->held.at[i].ino == ino && all->held.at[i].answered)
			return true;
	return false;
}

static int uring_ask_bound(struct ckpt *ckpt, struct uring_all *all, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < all->held.n; i++) {
		struct uring_held *h = &all->held.at[i];

		h->answered = !res_uring_is_bound(h->dup);
		if (!h->answered)
			rc = uring_ask_threads(ckpt, h, err);
	}
	for (size_t i = 0; rc >= 0 && i < all->held.n; i++)
		if (!uring_answered(all, all->held.at[i].ino))
			rc = err_say(
				err, ENOTSUP,
				"process %d: descriptor %d is an io_uring for a thread that is "
				"not there (SINGLE_ISSUER), which cannot be brought back",
				ckpt->processes[all->held.at[i].process].pid, all->held.at[i].fd);
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
		rc = uring_ask_bound(ckpt, &all, err);
	uring_all_done(&all);
	return rc;
}
