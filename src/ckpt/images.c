/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images of a checkpoint. Large ones are written one after the other, each by several workers. Of small
 * ones several are written at a time: what such an image costs is the wait until it is on the disk. Of those
 * that were forked from one program the first comes before all others, which have most of its pages.
 */
#include "base/text.h"
#include "ckpt/checkpoint_state.h"
#include "ckpt/twin.h"
#include "ckpt/write.h"
#include "host/fault.h"
#include "host/threads.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

enum {
	IMAGES_SMALL = 4 << 20, /* bytes of memory: written by one worker */
	IMAGES_AT_ONCE = 8,
};

struct images {
	struct ckpt *ckpt;
	int dirfd;
	pthread_mutex_t lock; /* for all below, and ckpt->result */
	bool leaders; /* it is their turn */
	size_t next;
	struct err err; /* the first failure: nothing more is begun */
};

static bool images_is_small(const struct ckpt_process *p)
{
	return p->pages.bytes <= IMAGES_SMALL;
}

static pid_t images_memory(const struct ckpt_process *p)
{
	if (p->snapshot)
		return p->snapshot;
	return p->copied ? getpid() : p->alive;
}

static struct ckpt_process *images_find_first(const struct ckpt *ckpt, const struct ckpt_process *p)
{
	struct ckpt_process *q = ckpt->processes;

	while (q != p && (q->zombie || !twin_related(&p->m, &q->m)))
		q++;
	return q;
}

/* Who is to be written before others, that these can be said to hold the same pages. */
static void images_choose_leaders(struct ckpt *ckpt)
{
	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		struct ckpt_process *p = &ckpt->processes[i];

		p->first = images_find_first(ckpt, p);
		if (p->first != p && !p->zombie)
			p->first->leads = true;
	}
}

/*
 * The image that may hold pages of @p: of a large process that of its parent, if that has been written, else
 * that of the first. NULL: there is none.
 */
static const struct ckpt_process *images_base(const struct ckpt_process *p)
{
	for (const struct ckpt_process *q = p->first; q < p && !images_is_small(p); q++)
		if (q->written && q->pid == p->m.process.ppid && q->first == p->first)
			return q;
	return p->first != p && p->first->written ? p->first : NULL;
}

/* For those whose base it may be: behind a leader all that are related to it, behind others large ones. */
static void images_keep_index(struct ckpt_process *p, struct image_writer *w)
{
	if (!p->leads && (p->first == p || images_is_small(p)))
		return;
	p->base.pid = p->pid;
	image_writer_take_index(w, &p->base.index);
	twin_keep(&p->base, &p->m);
	p->written = true;
}

static int images_write(struct images *s, struct ckpt_process *p, int workers, uint64_t *size,
			struct err *err)
{
	struct ckpt *ckpt = s->ckpt;
	const struct ckpt_process *base = p->zombie ? NULL : images_base(p);
	struct image_writer_options options = {
		.base = base ? &base->base : NULL,
		.codec = ckpt->options.codec,
		.level = ckpt->options.level,
		.direct = true,
	};
	struct write_job job = {
		.pages = &p->pages,
		.pid = images_memory(p),
		.workers = workers,
		.base = options.base,
		.base_pages = base ? &base->pages : NULL,
		.base_pid = base ? images_memory(base) : 0,
		.done = &ckpt->done,
		.cancelled = &ckpt->cancelled,
	};
	struct image_writer *w = NULL;
	char name[32];
	int rc;

	if (fault_point("ckpt.written"))
		return err_say(err, EIO, "made to fail (CAIRN_FAULT)");
	text_format(name, sizeof(name), "%d.img", p->pid);
	rc = image_writer_open(&w, s->dirfd, name, &options, err);
	if (rc >= 0 && !p->zombie)
		rc = write_pages(w, &job, err);
	if (rc >= 0)
		rc = image_writer_finish(w, &p->m, size, err);
	if (rc >= 0)
		images_keep_index(p, w);
	image_writer_close(w);
	return rc;
}

/* False: it failed, or something else had before. */
static bool images_put(struct images *s, struct ckpt_process *p, int workers)
{
	struct err err = ERR_INIT;
	uint64_t size = 0;
	int rc = images_write(s, p, workers, &size, &err);
	bool good;

	pthread_mutex_lock(&s->lock);
	s->ckpt->result.image_bytes += size;
	if (rc < 0 && !s->err.num) {
		err_add(&err, "image of process %d", p->pid);
		s->err = err;
	}
	good = !s->err.num;
	pthread_mutex_unlock(&s->lock);
	return good;
}

/* The next small one; NULL: there is none. */
static struct ckpt_process *images_take(struct images *s)
{
	struct ckpt_process *p = NULL;

	pthread_mutex_lock(&s->lock);
	while (!p && s->next < s->ckpt->nprocesses) {
		p = &s->ckpt->processes[s->next++];
		if (!images_is_small(p) || p->leads != s->leaders)
			p = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	return p;
}

static void *images_work(void *arg)
{
	struct images *s = arg;
	struct ckpt_process *p;

	while ((p = images_take(s)) && images_put(s, p, 1))
		;
	return NULL;
}

static int images_threads(const struct ckpt *ckpt, bool leaders)
{
	int small = 0, most = IMAGES_AT_ONCE;

	for (size_t i = 0; i < ckpt->nprocesses; i++)
		small +=
			images_is_small(&ckpt->processes[i]) && ckpt->processes[i].leads == leaders;
	if (ckpt->options.workers > 0 && ckpt->options.workers < most)
		most = ckpt->options.workers;
	return small < most ? small : most;
}

static void images_put_all(struct images *s, bool leaders)
{
	struct ckpt *ckpt = s->ckpt;

	s->leaders = leaders;
	s->next = 0;
	threads_run(images_work, s, images_threads(ckpt, leaders));
	for (size_t i = 0; !s->err.num && i < ckpt->nprocesses; i++)
		if (!images_is_small(&ckpt->processes[i]) && ckpt->processes[i].leads == leaders)
			images_put(s, &ckpt->processes[i], ckpt->options.workers);
}

int ckpt_write(struct ckpt *ckpt, int dirfd, struct err *err)
{
	struct images s = {
		.ckpt = ckpt, .dirfd = dirfd, .lock = PTHREAD_MUTEX_INITIALIZER, .err = ERR_INIT
	};
	int64_t began = ckpt_now();

	images_choose_leaders(ckpt);
	images_put_all(&s, true);
	if (!s.err.num)
		images_put_all(&s, false);
	if (s.err.num) {
		*err = s.err;
		return -err->num;
	}
	ckpt->result.write_ns = ckpt_now() - began;
	return 0;
}
