/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that always have requests in flight to and from a file: past the page cache if it can be,
 * through it and by workers of the kernel's; one ring is for its thread alone, with one the buffers are
 * registered. Each request ends once, and what was written is read.
 */
#include "uring.h"

#include <stdatomic.h>
#include <sys/uio.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

enum { THREADS = 4, DEPTH = 60, ENTRIES = 128, LEN = 4096 }; /* a file that small is kept */

struct slot {
	char *bytes;
	uint64_t n; /* of the request, and what is written */
	bool flying;
};

struct worker {
	pthread_t thread;
	struct uring ring;
	struct slot slots[DEPTH];
	unsigned int flags;
	int index, file, async, registered; /* its buffers are */
	uint64_t sent, done;
};

static atomic_bool over;

static void send_slot(struct worker *w, size_t i)
{
	struct slot *s = &w->slots[i];
	struct io_uring_sqe *sqe = uring_next(&w->ring);

	if (s->n % 2) /* what was written is read back */
		memset(s->bytes, 0, LEN);
	else
		for (size_t k = 0; k < LEN; k += 8)
			memcpy(s->bytes + k, &s->n, 8);
	sqe->opcode = s->n % 2 ? IORING_OP_READ : IORING_OP_WRITE;
	if (w->registered) {
		sqe->opcode = s->n % 2 ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
		sqe->buf_index = (uint16_t)(i + 1);
	}
	sqe->fd = w->file;
	sqe->addr = (uintptr_t)s->bytes;
	sqe->len = LEN;
	sqe->off = ((uint64_t)w->index * DEPTH + i) * LEN;
	sqe->user_data = i << 48 | s->n;
	if (w->async && s->n % 3 == 0)
		sqe->flags = IOSQE_ASYNC;
	s->flying = true;
	w->sent++;
	uring_push(&w->ring);
}

static void end_slot(struct worker *w, struct io_uring_cqe cqe)
{
	struct slot *s = &w->slots[cqe.user_data >> 48];

	LIVE_CHECK(cqe.user_data >> 48 < DEPTH && s->flying);
	LIVE_EQUAL(cqe.res, LEN);
	LIVE_EQUAL(cqe.user_data & 0xffffffffffff, s->n);
	live_words(s->bytes, LEN, s->n & ~1ull);
	s->flying = false;
	s->n++;
	w->done++;
}

/* All, behind an empty place where that can be. */
static void register_all(struct worker *w)
{
	struct iovec vecs[DEPTH + 1] = { { NULL, 0 } };

	for (int i = 0; i < DEPTH; i++)
		vecs[i + 1] = (struct iovec){ w->slots[i].bytes, LEN };
	LIVE_EQUAL(syscall(SYS_io_uring_register, w->ring.fd, IORING_REGISTER_BUFFERS, vecs,
			   DEPTH + 1),
		   0);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	uring_setup(&w->ring, ENTRIES, w->flags);
	if (w->registered)
		register_all(w);
	while (!over || w->done != w->sent) {
		unsigned int n = 0;

		for (size_t i = 0; i < DEPTH; i++)
			if (!w->slots[i].flying && (!over || w->slots[i].n % 2)) {
				send_slot(w, i);
				n++;
			}
		while (n) { /* it may have taken fewer, and been interrupted */
			int rc = uring_enter(&w->ring, n, 1);

			LIVE_CHECK(rc >= 0);
			n -= (unsigned int)rc;
		}
		if (w->done != w->sent && !uring_ready(&w->ring))
			LIVE_EQUAL(uring_enter(&w->ring, 0, 1), 0);
		while (uring_ready(&w->ring))
			end_slot(w, uring_take(&w->ring));
	}
	LIVE_EQUAL(*uring_at(&w->ring, w->ring.p.sq_off.head), (unsigned int)w->sent);
	LIVE_EQUAL(*uring_at(&w->ring, w->ring.p.cq_off.tail), (unsigned int)w->done);
	return NULL;
}

static bool can(unsigned int flags)
{
	struct io_uring_params p = { .flags = flags };
	int fd = (int)syscall(SYS_io_uring_setup, 1, &p);

	return fd >= 0 && close(fd) == 0;
}

int main(void)
{
	static struct worker workers[THREADS];
	unsigned int alone = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	int cached = open("busy", flags, 0600), direct = open("busy", flags | O_DIRECT, 0600);

	LIVE_CHECK(cached >= 0);
	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];

		w->index = i;
		w->file = i % 2 || direct < 0 ? cached : direct;
		w->async = i == 3;
		w->registered = i == 1;
		w->flags = i == 2 && can(alone) ? alone : 0;
		for (int k = 0; k < DEPTH; k++)
			LIVE_CHECK(!posix_memalign((void **)&w->slots[k].bytes, LEN, LEN));
		LIVE_CHECK(!pthread_create(&w->thread, NULL, work, w));
	}
	live_ready();
	over = true;
	for (int i = 0; i < THREADS; i++)
		LIVE_CHECK(!pthread_join(workers[i].thread, NULL));
	return 0;
}
