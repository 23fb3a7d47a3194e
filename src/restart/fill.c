/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/fill.h"

#include "base/owned.h"
#include "base/sys.h"
#include "host/threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>

enum {
	FILL_PIECES = 64, /* pieces of a process's memory in one call */
	FILL_WORKERS_MAX = 32,
};

/* The runs of an image, chunk by chunk. */
struct fill_index {
	uint32_t *order; /* numbers of runs */
	uint32_t *first; /* for each chunk, where its runs begin in order; one more at the end */
};

struct fill {
	const struct fill_target *targets;
	struct fill_index *index;
	size_t n;
	/* Shared by the workers: the next chunk of each image, what was written, what went wrong. */
	uint64_t *next;
	uint64_t bytes;
	bool failed;
	pthread_mutex_t lock;
	struct err err;
	struct img_policy own; /* NUMA policy of this thread */
};

/* Counting sort. first[] is one ahead until the end, where each entry has moved to its own place. */
static int fill_index_init(struct fill_index *x, const struct fill_target *t)
{
	const struct model *m = image_reader_model(t->image);

	x->order = calloc(t->nruns + 1, sizeof(*x->order));
	x->first = calloc(m->chunks.n + 2, sizeof(*x->first));
	if (!x->order || !x->first)
		return -ENOMEM;
	for (size_t i = 0; i < t->nruns; i++)
		x->first[t->runs[i].chunk + 2]++;
	for (size_t c = 2; c < m->chunks.n + 2; c++)
		x->first[c] += x->first[c - 1];
	for (size_t i = 0; i < t->nruns; i++)
		x->order[x->first[t->runs[i].chunk + 1]++] = (uint32_t)i;
	return 0;
}

static void fill_index_done(struct fill_index *x)
{
	free(x->order);
	free(x->first);
}

static void fill_fail(struct fill *f, const struct err *err)
{
	pthread_mutex_lock(&f->lock);
	if (!f->failed)
		f->err = *err;
	__atomic_store_n(&f->failed, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&f->lock);
}

static int fill_write(pid_t pid, struct iovec *here, struct iovec *there, int n, size_t len,
		      struct err *err)
{
	ssize_t done = process_vm_writev(pid, here, (unsigned long)n, there, (unsigned long)n, 0);

	if (done == (ssize_t)len)
		return 0;
	return err_set(err, done < 0 ? errno : EFAULT, "write memory of process %d at 0x%llx", pid,
		       (unsigned long long)(uintptr_t)there[0].iov_base);
}

static int fill_chunk(struct fill *f, size_t target, struct image_decoder *d, size_t chunk,
		      struct err *err)
{
	const struct fill_target *t = &f->targets[target];
	const struct fill_index *x = &f->index[target];
	struct iovec here[FILL_PIECES], there[FILL_PIECES];
	const uint8_t *raw;
	size_t len = 0;
	int n = 0;
	int rc = image_decoder_chunk(d, chunk, (const void **)&raw, err);

	for (uint32_t i = x->first[chunk]; rc >= 0 && i < x->first[chunk + 1]; i++) {
		const struct img_run *r = &t->runs[x->order[i]];

		here[n] = (struct iovec){ (void *)(uintptr_t)(raw + r->offset), r->len };
		there[n] = (struct iovec){ (void *)(uintptr_t)r->addr, r->len };
		len += r->len;
		if (++n == FILL_PIECES || i + 1 == x->first[chunk + 1]) {
			rc = fill_write(t->pid, here, there, n, len, err);
			__atomic_add_fetch(&f->bytes, len, __ATOMIC_RELAXED);
			n = 0;
			len = 0;
		}
	}
	return rc;
}

static void fill_apply(const struct img_policy *p)
{
	sys3(__NR_set_mempolicy, p->mode, p->mode ? p->nodes : NULL,
	     p->mode ? 8 * sizeof(p->nodes) + 1 : 0);
}

/* Of the thread that leads the process; NULL: none of its own. */
static const struct img_policy *fill_policy(const struct model *m)
{
	for (size_t i = 0; i < m->policies.n; i++)
		if (m->policies.at[i].tid == m->process.pid)
			return &m->policies.at[i];
	return NULL;
}

static int fill_target(struct fill *f, size_t target, struct err *err)
{
	struct image_reader *image = f->targets[target].image;
	const struct fill_index *x = &f->index[target];
	const struct img_policy *policy = fill_policy(image_reader_model(image));
	size_t nchunks = image_reader_model(image)->chunks.n;
	struct image_decoder *d = NULL;
	int rc = 0;

	/* Pages that have no policy of their own come to be where that of their first writer says. */
	if (policy)
		fill_apply(policy);
	while (rc >= 0 && !__atomic_load_n(&f->failed, __ATOMIC_ACQUIRE)) {
		uint64_t chunk = __atomic_fetch_add(&f->next[target], 1, __ATOMIC_RELAXED);

		if (chunk >= nchunks)
			break;
		if (x->first[chunk] == x->first[chunk + 1])
			continue;
		if (!d)
			rc = image_decoder_open(&d, image, err);
		if (rc >= 0)
			rc = fill_chunk(f, target, d, chunk, err);
	}
	image_decoder_close(d);
	if (policy)
		fill_apply(&f->own);
	return rc;
}

static void *fill_work(void *arg)
{
	struct fill *f = arg;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < f->n; i++)
		if (fill_target(f, i, &err) < 0) {
			fill_fail(f, &err);
			break;
		}
	return NULL;
}

static int fill_workers(int wanted)
{
	wanted = threads_wanted(wanted);
	return wanted > FILL_WORKERS_MAX ? FILL_WORKERS_MAX : wanted;
}

int fill_memory(const struct fill_target *targets, size_t n, int workers, uint64_t *bytes,
		struct err *err)
{
	OWNED_PTR struct fill_index *index = calloc(n + 1, sizeof(*index));
	OWNED_PTR uint64_t *next = calloc(n + 1, sizeof(*next));
	struct fill f = { .targets = targets,
			  .index = index,
			  .next = next,
			  .n = n,
			  .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc = index && next ? 0 : -ENOMEM;

	sys5(__NR_get_mempolicy, &f.own.mode, f.own.nodes, 8 * sizeof(f.own.nodes), 0, 0);

	for (size_t i = 0; rc >= 0 && i < n; i++)
		rc = fill_index_init(&index[i], &targets[i]);
	if (rc < 0)
		rc = err_set(err, ENOMEM, "index of page contents");
	else
		threads_run(fill_work, &f, fill_workers(workers));
	for (size_t i = 0; index && i < n; i++)
		fill_index_done(&index[i]);
	if (rc >= 0 && f.failed) {
		*err = f.err;
		rc = -f.err.num;
	}
	*bytes = f.bytes;
	return rc;
}
