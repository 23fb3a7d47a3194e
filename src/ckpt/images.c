/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images of a checkpoint. Large ones are written one after the other, each by several workers. Of small
 * ones several are written at a time: what such an image costs is the wait until it is on the disk.
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

/*
 * The image that may hold pages of @p: that of its parent, else of whoever was forked from the same program
 * and has been written. NULL: there is none.
 */
static const struct ckpt_process *images_base(const struct ckpt *ckpt, const struct ckpt_process *p)
{
	const struct ckpt_process *found = NULL;

	for (size_t i = 0; i < ckpt->nprocesses; i++) {
		const struct ckpt_process *q = &ckpt->processes[i];

		if (q->written && twin_related(&p->m, &q->m) &&
		    (!found || q->pid == p->m.process.ppid))
			found = q;
	}
	return found;
}

/* Is there any behind @p that may want to know where its pages stand? */
static bool images_is_wanted(const struct ckpt *ckpt, const struct ckpt_process *p)
{
	for (const struct ckpt_process *q = p + 1; q < ckpt->processes + ckpt->nprocesses; q++)
		if (!images_is_small(q) && twin_related(&p->m, &q->m))
			return true;
	return false;
}

static void images_keep_index(const struct ckpt *ckpt, struct ckpt_process *p,
			      struct image_writer *w)
{
	if (images_is_small(p) || !images_is_wanted(ckpt, p))
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
	const struct ckpt_process *base = images_is_small(p) ? NULL : images_base(ckpt, p);
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
		images_keep_index(ckpt, p, w);
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
		if (!images_is_small(p))
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

static int images_threads(const struct ckpt *ckpt)
{
	int small = 0, most = IMAGES_AT_ONCE;

	for (size_t i = 0; i < ckpt->nprocesses; i++)
		small += images_is_small(&ckpt->processes[i]);
	if (ckpt->options.workers > 0 && ckpt->options.workers < most)
		most = ckpt->options.workers;
	return small < most ? small : most;
}

int ckpt_write(struct ckpt *ckpt, int dirfd, struct err *err)
{
	struct images s = {
		.ckpt = ckpt, .dirfd = dirfd, .lock = PTHREAD_MUTEX_INITIALIZER, .err = ERR_INIT
	};
	int64_t began = ckpt_now();

	threads_run(images_work, &s, images_threads(ckpt));
	for (size_t i = 0; !s.err.num && i < ckpt->nprocesses; i++)
		if (!images_is_small(&ckpt->processes[i]))
			images_put(&s, &ckpt->processes[i], ckpt->options.workers);
	if (s.err.num) {
		*err = s.err;
		return -err->num;
	}
	ckpt->result.write_ns = ckpt_now() - began;
	return 0;
}
