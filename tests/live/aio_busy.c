/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that always have requests in flight, to and from a file, past the page cache if it can be: each
 * is told of once, and what was written is read. An eventfd is told of all.
 */
#include "aio.h"

#include <stdatomic.h>
#include <sys/eventfd.h>

enum { THREADS = 3, DEPTH = 16, LEN = 4096 };

struct slot {
	struct iocb request;
	char *bytes;
	uint64_t n; /* of the request, and what is written */
	bool flying;
};

struct worker {
	pthread_t thread;
	aio_context_t context;
	struct slot slots[DEPTH];
	int told, index;
	uint64_t sent, done;
};

static int file;
static atomic_bool over;

static void send_slot(struct worker *w, size_t i)
{
	struct slot *s = &w->slots[i];
	uint64_t at = ((uint64_t)w->index * DEPTH + i) * LEN;

	if (s->n % 2) /* what was written is read back */
		memset(s->bytes, 0, LEN);
	else
		for (size_t k = 0; k < LEN; k += 8)
			memcpy(s->bytes + k, &s->n, 8);
	s->request = aio_write(file, s->bytes, LEN, at, s->n);
	if (s->n % 2)
		s->request.aio_lio_opcode = IOCB_CMD_PREAD;
	s->request.aio_flags = IOCB_FLAG_RESFD;
	s->request.aio_resfd = (uint32_t)w->told;
	s->flying = true;
	w->sent++;
	aio_submit(w->context, &s->request);
}

static void end_slot(struct worker *w, const struct io_event *e)
{
	struct slot *s = NULL;

	for (size_t i = 0; i < DEPTH; i++)
		if (e->obj == (uintptr_t)&w->slots[i].request)
			s = &w->slots[i];
	LIVE_CHECK(s && s->flying);
	LIVE_EQUAL(e->res, LEN);
	LIVE_EQUAL(e->data, s->n);
	live_words(s->bytes, LEN, s->n & ~1ull);
	s->flying = false;
	s->n++;
	w->done++;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct io_event e[DEPTH];
	uint64_t told = 0, more;

	while (!over || w->done != w->sent) {
		for (size_t i = 0; i < DEPTH; i++)
			if (!w->slots[i].flying && (!over || w->slots[i].n % 2))
				send_slot(w, i);
		for (long i = aio_reap(w->context, e, DEPTH) - 1; i >= 0; i--)
			end_slot(w, &e[i]);
	}
	while (told < w->done) {
		LIVE_EQUAL(read(w->told, &more, sizeof(more)), sizeof(more));
		told += more;
	}
	LIVE_EQUAL(told, w->done);
	return NULL;
}

int main(void)
{
	static struct worker workers[THREADS];
	int flags = O_RDWR | O_CREAT | O_CLOEXEC;

	file = open("busy", flags | O_DIRECT, 0600);
	if (file < 0)
		file = open("busy", flags, 0600);
	LIVE_CHECK(file >= 0);
	for (int i = 0; i < THREADS; i++) {
		workers[i].index = i;
		workers[i].context = aio_setup(DEPTH);
		workers[i].told = eventfd(0, EFD_CLOEXEC);
		for (int k = 0; k < DEPTH; k++)
			LIVE_CHECK(!posix_memalign((void **)&workers[i].slots[k].bytes, LEN, LEN));
		LIVE_CHECK(!pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	live_ready();
	over = true;
	for (int i = 0; i < THREADS; i++)
		LIVE_CHECK(!pthread_join(workers[i].thread, NULL));
	return 0;
}
