/* SPDX-License-Identifier: Apache-2.0 */
#include "image/output.h"

#include "base/text.h"
#include "contract/image_format.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OUTPUT_THREADS = 4, /* writes in flight at most: enough for O_DIRECT to keep a disk busy */
	OUTPUT_SLAB = 2 << 20, /* buffers come in huge pages, IMG_CHUNK_MAX each */
};

/*
 * Space is allocated as far ahead as the file is long, up to this: ext4 and XFS write into
 * allocated space in parallel, but one write after the other where each of them makes the file
 * longer.
 */
static const uint64_t output_ahead = 64 << 20;

struct output_slab {
	struct output_slab *next;
	uint8_t *memory;
	struct output_buffer buffers[OUTPUT_SLAB / IMG_CHUNK_MAX];
};

enum { OUTPUT_NAME_MAX = 4096 + 256 };

struct output {
	int fd;
	char name[OUTPUT_NAME_MAX]; /* whole, for messages: a full disk is named by its path */
	bool direct;
	bool ahead; /* allocating ahead works */
	uint64_t allocated; /* from the beginning of the file, bytes */
	pthread_mutex_t lock; /* for all below, and allocated */
	pthread_cond_t filled, freed;
	struct output_buffer *free, *queue, **queue_end;
	size_t buffers, limit; /* made so far, to be made at most */
	size_t busy; /* queued or being written */
	bool closing;
	int num; /* first failure, positive errno */
	size_t nthreads;
	pthread_t threads[OUTPUT_THREADS];
	struct output_slab *slabs;
};

static int output_failure(const struct output *out, struct err *err)
{
	return err_set(err, out->num, "write '%s'", out->name);
}

static void output_lock(struct output *out)
{
	pthread_mutex_lock(&out->lock);
}

static void output_unlock(struct output *out)
{
	pthread_mutex_unlock(&out->lock);
}

/* Several threads may find out at a time: no matter who was first. */
static bool output_leave_direct(struct output *out)
{
	int flags = fcntl(out->fd, F_GETFL);

	__atomic_store_n(&out->direct, false, __ATOMIC_RELAXED);
	return flags >= 0 && !fcntl(out->fd, F_SETFL, flags & ~O_DIRECT);
}

/* All of it; 0 or a positive errno. Short writes go on where they stopped. */
static int output_all(struct output *out, const uint8_t *bytes, size_t len, uint64_t offset)
{
	bool left = false;

	while (len) {
		ssize_t n = pwrite(out->fd, bytes, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		/* Some file systems open with O_DIRECT and refuse it here. */
		if (n < 0 && errno == EINVAL && !left) {
			left = output_leave_direct(out);
			if (left)
				continue;
			errno = EINVAL;
		}
		if (n < 0)
			return errno;
		if (!n)
			return EIO;
		bytes += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* Only ever of help: what it cannot get, the write itself asks for and reports. */
static void output_allocate(struct output *out, uint64_t end)
{
	uint64_t from;

	output_lock(out);
	from = out->allocated;
	if (!out->ahead || end <= from) {
		output_unlock(out);
		return;
	}
	out->allocated = end + (end < output_ahead ? end : output_ahead);
	if (fallocate(out->fd, 0, (off_t)from, (off_t)(out->allocated - from)))
		out->ahead = false;
	output_unlock(out);
}

static int output_one(struct output *out, struct output_buffer *b)
{
	size_t len = (b->len + OUTPUT_ALIGN - 1) & ~((size_t)OUTPUT_ALIGN - 1);
	int num;

	output_allocate(out, b->offset + len);
	num = output_all(out, b->bytes, len, b->offset);
	/* Page cache: start writing to the disk at once, so that the sync at the end is short. */
	if (!num && !__atomic_load_n(&out->direct, __ATOMIC_RELAXED))
		sync_file_range(out->fd, (off_t)b->offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
	return num;
}

static void *output_thread(void *arg)
{
	struct output *out = arg;
	struct output_buffer *b;
	int num;

	output_lock(out);
	for (;;) {
		while (!out->queue && !out->closing)
			pthread_cond_wait(&out->filled, &out->lock);
		b = out->queue;
		if (!b)
			break;
		out->queue = b->next;
		if (!out->queue)
			out->queue_end = &out->queue;
		num = out->num;
		output_unlock(out);
		if (!num)
			num = output_one(out, b);
		output_lock(out);
		if (!out->num)
			out->num = num;
		b->next = out->free;
		out->free = b;
		out->busy--;
		pthread_cond_broadcast(&out->freed);
	}
	output_unlock(out);
	return NULL;
}

/* One more, with every signal blocked: they are the business of other threads. A positive errno. */
static int output_start(struct output *out)
{
	sigset_t all, old;
	int num;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	num = pthread_create(&out->threads[out->nthreads], NULL, output_thread, out);
	if (!num)
		out->nthreads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return num;
}

static int output_create(struct output *out, int dirfd, const char *name, bool direct,
			 struct err *err)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;

	out->fd = direct ? openat(dirfd, name, flags | O_DIRECT, 0600) : -1;
	out->direct = out->fd >= 0;
	/* A refused O_DIRECT leaves a created file behind on some kernels. */
	if (direct && out->fd < 0 && errno == EINVAL)
		unlinkat(dirfd, name, 0);
	else if (direct && out->fd < 0)
		return err_set(err, errno, "create '%s'", name);
	if (out->fd < 0)
		out->fd = openat(dirfd, name, flags, 0600);
	if (out->fd < 0)
		return err_set(err, errno, "create '%s'", name);
	return 0;
}

static void output_name(struct output *out, const char *name)
{
	char via[32];
	ssize_t n;

	text_format(via, sizeof(via), "/proc/self/fd/%d", out->fd);
	n = readlink(via, out->name, sizeof(out->name) - 1);
	if (n > 0)
		out->name[n] = '\0';
	else
		text_copy(out->name, sizeof(out->name), name);
}

int output_open(struct output **result, int dirfd, const char *name, bool direct, struct err *err)
{
	struct output *out = calloc(1, sizeof(*out));
	int rc;

	*result = NULL;
	if (!out)
		return err_set(err, ENOMEM, "create '%s'", name);
	out->ahead = direct;
	out->limit = OUTPUT_THREADS + 2;
	out->queue_end = &out->queue;
	pthread_mutex_init(&out->lock, NULL);
	pthread_cond_init(&out->filled, NULL);
	pthread_cond_init(&out->freed, NULL);
	rc = output_create(out, dirfd, name, direct, err);
	if (rc >= 0) {
		output_name(out, name);
		rc = -output_start(out);
		if (rc < 0)
			err_set(err, rc, "start a thread to write '%s'", out->name);
	}
	if (rc < 0) {
		output_close(out);
		return rc;
	}
	*result = out;
	return 0;
}

void output_close(struct output *out)
{
	if (!out)
		return;
	output_lock(out);
	out->closing = true;
	if (!out->num)
		out->num = ECANCELED; /* what is still queued is not written */
	pthread_cond_broadcast(&out->filled);
	output_unlock(out);
	while (out->nthreads)
		pthread_join(out->threads[--out->nthreads], NULL);
	while (out->slabs) {
		struct output_slab *slab = out->slabs;

		out->slabs = slab->next;
		free(slab->memory);
		free(slab);
	}
	if (out->fd >= 0)
		close(out->fd);
	pthread_cond_destroy(&out->filled);
	pthread_cond_destroy(&out->freed);
	pthread_mutex_destroy(&out->lock);
	free(out);
}

void output_allow(struct output *out, size_t buffers)
{
	output_lock(out);
	out->limit += buffers;
	output_unlock(out);
}

/*
 * A huge page makes two buffers: its first touch and the pinning for O_DIRECT cost a tenth. The first two do
 * without: of a small image's hardly anything is touched.
 */
static bool output_make(struct output *out)
{
	struct output_slab *slab = calloc(1, sizeof(*slab));

	if (slab)
		slab->memory = aligned_alloc(OUTPUT_SLAB, OUTPUT_SLAB);
	if (!slab || !slab->memory) {
		free(slab);
		return false;
	}
	if (out->slabs)
		madvise(slab->memory, OUTPUT_SLAB, MADV_HUGEPAGE);
	for (size_t i = 0; i < OUTPUT_SLAB / IMG_CHUNK_MAX; i++) {
		slab->buffers[i].bytes = slab->memory + i * IMG_CHUNK_MAX;
		slab->buffers[i].next = out->free;
		out->free = &slab->buffers[i];
		out->buffers++;
	}
	slab->next = out->slabs;
	out->slabs = slab;
	return true;
}

struct output_buffer *output_take(struct output *out, struct err *err)
{
	struct output_buffer *b = NULL;

	output_lock(out);
	while (!out->num && !out->free) {
		if (out->buffers < out->limit) {
			if (!output_make(out))
				out->num = ENOMEM;
		} else {
			pthread_cond_wait(&out->freed, &out->lock);
		}
	}
	if (out->num) {
		output_failure(out, err);
	} else {
		b = out->free;
		out->free = b->next;
	}
	output_unlock(out);
	return b;
}

void output_give(struct output *out, struct output_buffer *b)
{
	if (!b)
		return;
	output_lock(out);
	b->next = out->free;
	out->free = b;
	pthread_cond_broadcast(&out->freed);
	output_unlock(out);
}

void output_write(struct output *out, struct output_buffer *b, uint64_t offset, size_t len)
{
	b->offset = offset;
	b->len = len;
	b->next = NULL;
	output_lock(out);
	*out->queue_end = b;
	out->queue_end = &b->next;
	out->busy++;
	/* A small image is written by one; without the others a large one is only slower. */
	if (out->busy > out->nthreads && out->nthreads < OUTPUT_THREADS)
		output_start(out);
	pthread_cond_signal(&out->filled);
	output_unlock(out);
}

int output_drain(struct output *out, struct err *err)
{
	int rc = 0;

	output_lock(out);
	while (out->busy)
		pthread_cond_wait(&out->freed, &out->lock);
	if (out->num)
		rc = output_failure(out, err);
	output_unlock(out);
	if (!rc && out->direct)
		output_leave_direct(out);
	return rc;
}

int output_plain(struct output *out, const void *bytes, size_t len, uint64_t offset,
		 struct err *err)
{
	int num = output_all(out, bytes, len, offset);

	return num ? err_set(err, num, "write '%s'", out->name) : 0;
}

int output_finish(struct output *out, uint64_t size, struct err *err)
{
	/* Cuts off what was allocated ahead. */
	if (ftruncate(out->fd, (off_t)size))
		return err_set(err, errno, "set the size of '%s'", out->name);
	if (fdatasync(out->fd))
		return err_set(err, errno, "sync '%s'", out->name);
	return 0;
}
