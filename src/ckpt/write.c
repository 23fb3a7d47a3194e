/* SPDX-License-Identifier: Apache-2.0 */
#include "ckpt/write.h"

#include "base/mem.h"
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/twin.h"
#include "host/procid.h"
#include "host/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WRITE_PAGE = 4096,
	WRITE_PIECES = 256, /* address ranges read into one chunk */
};

/* Where the next chunk begins. */
struct write_place {
	size_t range;
	uint64_t offset;
};

struct write_shared {
	const struct write_job *job;
	struct image_writer *writer;
	int mem; /* /proc/PID/mem */
	pthread_mutex_t lock; /* next, err */
	struct write_place next;
	struct err err;
};

struct write_piece {
	const struct pages_range *range;
	uint64_t addr, len;
};

struct write_chunk {
	struct write_piece piece[WRITE_PIECES];
	size_t npieces;
	size_t bytes;
	bool same[IMG_CHUNK_MAX / WRITE_PAGE]; /* pages that the base holds */
};

/* What one thread has. */
struct write_worker {
	struct write_chunk chunk;
	struct twin_look look;
	struct img_run runs[IMG_CHUNK_MAX / WRITE_PAGE];
};

/* Take the next chunk's worth of pages. False when there is nothing left, or somebody failed. */
static bool write_take(struct write_shared *s, struct write_chunk *chunk)
{
	const struct pages_list *list = s->job->pages;

	chunk->npieces = chunk->bytes = 0;
	pthread_mutex_lock(&s->lock);
	while (!s->err.num && s->next.range < list->ranges.n && chunk->npieces < WRITE_PIECES &&
	       chunk->bytes < IMG_CHUNK_MAX) {
		const struct pages_range *r = &list->ranges.at[s->next.range];
		uint64_t len = r->len - s->next.offset;

		if (len > IMG_CHUNK_MAX - chunk->bytes)
			len = IMG_CHUNK_MAX - chunk->bytes;
		chunk->piece[chunk->npieces++] =
			(struct write_piece){ r, r->addr + s->next.offset, len };
		chunk->bytes += len;
		s->next.offset += len;
		if (s->next.offset == r->len)
			s->next = (struct write_place){ s->next.range + 1, 0 };
	}
	pthread_mutex_unlock(&s->lock);
	return chunk->npieces;
}

/*
 * Through /proc/PID/mem, which sees through protections. Not process_vm_readv: that pins pages,
 * and since Linux 5.19 to pin one that fork has left shared is to copy it first, so that reading a
 * snapshot took as much memory again and twice the time (0.37 s against 0.16 s for 512 MiB).
 *
 * A page that nobody can read (EIO) has no contents, being behind the end of its file or a guard
 * page that this kernel does not report, and reads zero. Nothing at all to read means that the
 * process is gone.
 */
static int write_read_piece(struct write_shared *s, const struct write_piece *p, char *buf,
			    struct err *err)
{
	for (uint64_t done = 0; done < p->len;) {
		ssize_t n = pread(s->mem, buf + done, p->len - done, (off_t)(p->addr + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			return err_say(
				err, ESRCH,
				"process %d or its snapshot was killed while its memory was read",
				s->job->pid);
		if (n < 0 && errno != EIO)
			return err_set(err, errno, "read memory of process %d at %llx", s->job->pid,
				       (unsigned long long)(p->addr + done));
		if (n < 0) {
			n = (ssize_t)(WRITE_PAGE - (p->addr + done) % WRITE_PAGE);
			memset(buf + done, 0, (size_t)n);
		}
		done += (uint64_t)n;
	}
	return 0;
}

static int write_read(struct write_shared *s, const struct write_chunk *chunk, char *buf,
		      struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < chunk->npieces; i++) {
		const struct write_piece *p = &chunk->piece[i];

		if (p->range->copy)
			memcpy(buf, p->range->copy + (p->addr - p->range->addr), p->len);
		else
			rc = write_read_piece(s, p, buf, err);
		buf += p->len;
	}
	return rc;
}

/* Pages of @buf that the base holds need not be put into the image. */
static int write_refer(struct write_shared *s, struct write_worker *own, const char *buf,
		       struct err *err)
{
	struct write_chunk *chunk = &own->chunk;
	size_t nruns = 0, at = 0;

	memset(chunk->same, 0, sizeof(chunk->same));
	for (size_t i = 0; own->look.base && i < chunk->npieces; i++) {
		const struct write_piece *p = &chunk->piece[i];

		if (p->range->source != PAGES_COPY)
			twin_find(&own->look, p->addr, p->len, buf + at,
				  chunk->same + at / WRITE_PAGE, own->runs, &nruns);
		at += p->len;
	}
	return nruns ? image_writer_refer(s->writer, own->runs, nruns, err) : 0;
}

/* Take zero pages out, and what the base holds; what is left moves together and is named by runs. */
static size_t write_pack(const struct write_chunk *chunk, char *buf, struct img_run *runs,
			 size_t *nruns)
{
	size_t from = 0, to = 0;

	*nruns = 0;
	for (size_t i = 0; i < chunk->npieces; i++) {
		const struct write_piece *p = &chunk->piece[i];

		for (uint64_t off = 0; off < p->len; off += WRITE_PAGE, from += WRITE_PAGE) {
			struct img_run *last = *nruns ? &runs[*nruns - 1] : NULL;

			if (chunk->same[from / WRITE_PAGE] || mem_is_zero(buf + from, WRITE_PAGE))
				continue;
			if (from != to)
				memcpy(buf + to, buf + from, WRITE_PAGE);
			if (last && last->addr + last->len == p->addr + off)
				last->len += WRITE_PAGE;
			else
				runs[(*nruns)++] = (struct img_run){
					.addr = p->addr + off,
					.len = WRITE_PAGE,
					.offset = (uint32_t)to,
				};
			to += WRITE_PAGE;
		}
	}
	return to;
}

static int write_work(struct write_shared *s, struct image_worker *k, struct write_worker *own,
		      struct err *err)
{
	struct write_chunk *chunk = &own->chunk;
	size_t nruns, len;
	int rc;

	while (write_take(s, chunk)) {
		char *buf = image_worker_buffer(k); /* another one after each put */

		if (atomic_load(s->job->cancelled))
			return err_set(err, ECANCELED, "write");
		rc = write_read(s, chunk, buf, err);
		if (rc >= 0)
			rc = write_refer(s, own, buf, err);
		if (rc < 0)
			return rc;
		len = write_pack(chunk, buf, own->runs, &nruns);
		if (len) {
			rc = image_worker_put(k, own->runs, nruns, len, err);
			if (rc < 0)
				return rc;
		}
		*s->job->done += chunk->bytes;
	}
	return 0;
}

static void *write_thread(void *arg)
{
	struct write_shared *s = arg;
	OWNED_PTR struct write_worker *own = malloc(sizeof(*own));
	struct image_worker *k = NULL;
	struct err err = ERR_INIT;
	int rc = own ? twin_look_open(&own->look, s->job->base, s->job->base_pages,
				      s->job->base_pid, &err)
		     : err_set(&err, ENOMEM, "start a writer");

	if (rc >= 0)
		rc = image_worker_open(&k, s->writer, &err);
	if (rc >= 0)
		rc = write_work(s, k, own, &err);
	image_worker_close(k);
	if (own)
		twin_look_close(&own->look);
	if (rc < 0) {
		pthread_mutex_lock(&s->lock);
		if (!s->err.num)
			s->err = err;
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

/* As many as are allowed, and no more than there are chunks to be made. */
static int write_workers(const struct write_job *job)
{
	uint64_t chunks = 1 + job->pages->bytes / IMG_CHUNK_MAX;
	int n = threads_wanted(job->workers);

	if ((uint64_t)n > chunks)
		n = (int)chunks;
	return n;
}

int write_pages(struct image_writer *w, const struct write_job *job, struct err *err)
{
	struct write_shared s = { .job = job, .writer = w, .lock = PTHREAD_MUTEX_INITIALIZER };
	OWNED_FD int mem = -1;
	char path[64];

	procid_path(path, sizeof(path), job->pid, "mem");
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return err_set(err, errno, "open %s", path);
	s.mem = mem;
	threads_run(write_thread, &s, write_workers(job));
	if (s.err.num) {
		*err = s.err;
		return -err->num;
	}
	return 0;
}
