/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests of an AIO context are in flight? The kernel tells nobody. But it takes only so many
 * at a time: as many as an idle context would, less those in flight and those whose events have not been
 * reaped. So it is given requests that do nothing until it takes no more, and the rest is arithmetic. Each
 * CPU keeps a few places for itself, so they are given to it on one CPU after the other until the sum is
 * there.
 *
 * Their events are taken out again, and those of the program, which stand before and between them, kept.
 * Then the ring is turned on, by further requests that do nothing, until it has come full circle, and the
 * program's events are put back: head, tail and the kernel's count of places are what they were before, and
 * so are the program's events. Those of requests that ended meanwhile are behind them, where they belong.
 */
#include "probe/aio.h"

#include "base/mem.h"
#include "base/sys.h"

#include <linux/aio_abi.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/time.h>

enum {
	AIO_AT_ONCE = 64,
	AIO_CPUS = 1024, /* bytes of a mask */
	AIO_TRIES = 1 << 16,
	AIO_SEC = 1000000000,
};

struct aio_time {
	int64_t sec, nsec;
};

struct aio_work { /* at a place of its own: there is little room on our stack */
	struct probe_aio *a;
	struct probe_aio_ring *ring;
	struct iocb nothing; /* reads an eventfd that has nothing to read, and does not wait */
	uint64_t count; /* for it to read */
	uint64_t again[AIO_AT_ONCE]; /* its address */
	struct io_event some[AIO_AT_ONCE];
	uint8_t cpus[AIO_CPUS], one[AIO_CPUS];
	uint32_t nkept;
	struct io_event kept[]; /* the program's, a->nr at most */
};

static long aio_submit(struct aio_work *w, uint64_t n)
{
	long rc = sys3(__NR_io_submit, w->a->ring, n < AIO_AT_ONCE ? n : AIO_AT_ONCE, w->again);

	return rc < 0 ? 0 : rc;
}

static bool aio_is_ours(const struct aio_work *w, const struct io_event *e)
{
	return e->obj == (uintptr_t)&w->nothing;
}

static void aio_keep(struct aio_work *w, const struct io_event *e)
{
	if (!aio_is_ours(w, e) && w->nkept < w->a->nr)
		w->kept[w->nkept++] = *e;
}

/* Wait for one event at most @wait_ns, and reap all that there are. */
static void aio_reap(struct aio_work *w, int64_t wait_ns)
{
	struct aio_time wait = { wait_ns / AIO_SEC, wait_ns % AIO_SEC };
	long n;

	do {
		n = sys5(__NR_io_getevents, w->a->ring, wait_ns ? 1 : 0, AIO_AT_ONCE, w->some,
			 &wait);
		for (long i = 0; i < n; i++)
			aio_keep(w, &w->some[i]);
		wait = (struct aio_time){ 0, 0 };
	} while (n == AIO_AT_ONCE);
}

static int64_t aio_now(void)
{
	struct aio_time t = { 0, 0 };

	sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &t);
	return t.sec * AIO_SEC + t.nsec;
}

/* Events in the ring. */
static uint32_t aio_waiting(const struct aio_work *w)
{
	uint32_t head = __atomic_load_n(&w->ring->head, __ATOMIC_ACQUIRE);
	uint32_t tail = __atomic_load_n(&w->ring->tail, __ATOMIC_ACQUIRE);

	return (tail + w->a->nr - head) % w->a->nr;
}

/* As many requests as it takes on that CPU; how many. */
static uint32_t aio_fill_on(struct aio_work *w, uint32_t cpu)
{
	uint32_t taken = 0;
	long n;

	w->one[cpu / 8] = (uint8_t)(1 << cpu % 8);
	sys3(__NR_sched_setaffinity, 0, sizeof(w->one), w->one);
	w->one[cpu / 8] = 0;
	while ((n = aio_submit(w, AIO_AT_ONCE)) > 0)
		taken += (uint32_t)n;
	return taken;
}

/* On the others as well where it is not clear yet that all is in the ring. */
static uint32_t aio_fill(struct aio_work *w)
{
	long bytes = sys3(__NR_sched_getaffinity, 0, sizeof(w->cpus), w->cpus);
	uint32_t taken, here = 0;

	sys3(__NR_getcpu, &here, 0, 0);
	taken = aio_fill_on(w, here);
	for (uint32_t cpu = 0; cpu < bytes * 8 && aio_waiting(w) < w->a->idle; cpu++)
		if (cpu != here && w->cpus[cpu / 8] >> cpu % 8 & 1)
			taken += aio_fill_on(w, cpu);
	return taken;
}

/* Wait until all that were in flight have ended, or it takes too long. */
static int64_t aio_settle(struct aio_work *w, uint32_t taken)
{
	int64_t until = aio_now() + w->a->wait_ns, left, now;

	aio_reap(w, 0);
	for (;;) {
		left = (int64_t)w->a->idle - taken - w->nkept;
		now = aio_now();
		if (left <= 0 || now >= until)
			return left;
		aio_reap(w, until - now);
	}
}

/* @n requests, one way or another: the kernel may be short of memory for a moment. */
static uint32_t aio_turn(struct aio_work *w, uint32_t n)
{
	for (int tries = 0; tries < AIO_TRIES; tries++) {
		long rc = aio_submit(w, n);

		if (rc > 0)
			return (uint32_t)rc;
		sys0(__NR_sched_yield);
	}
	return 0;
}

/*
 * On by @rest, and all but the last places are free again: in those there will be the program's events. An
 * event that comes late needs one more, and if there is none another round. False: it is stuck.
 */
static bool aio_turn_on(struct aio_work *w, uint32_t rest)
{
	uint32_t n;

	while (rest != w->nkept) {
		if (rest < w->nkept)
			rest += w->a->nr;
		n = aio_turn(w, rest - w->nkept);
		if (!n)
			return false;
		rest -= n;
		aio_reap(w, 0);
	}
	for (; rest; rest -= n) {
		n = aio_turn(w, rest);
		if (!n)
			return false;
	}
	return true;
}

/* Those that have come meanwhile, among ours, are kept as well. */
static void aio_put_back(struct aio_work *w)
{
	struct probe_aio_ring *r = w->ring;
	uint32_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE), n = aio_waiting(w);
	struct io_event *events = (struct io_event *)(r + 1);

	for (uint32_t i = 0; i < n; i++)
		aio_keep(w, &events[(head + i) % w->a->nr]);
	for (uint32_t i = 0; i < n && i < w->nkept; i++)
		events[(head + i) % w->a->nr] = w->kept[i];
}

static int64_t aio_work(struct aio_work *w, long fd)
{
	int64_t left;
	uint32_t taken;

	w->nothing = (struct iocb){
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)&w->count,
		.aio_nbytes = sizeof(w->count),
	};
	for (uint32_t i = 0; i < AIO_AT_ONCE; i++)
		w->again[i] = (uintptr_t)&w->nothing;
	taken = aio_fill(w);
	left = aio_settle(w, taken);
	if (!taken && !w->nkept)
		return left;
	if (!aio_turn_on(w, w->a->nr - taken))
		left = -EIO;
	aio_put_back(w);
	return left < 0 ? -EIO : left; /* more than there can be: it counts otherwise */
}

void aio_look(struct probe_aio *a)
{
	uint64_t size = sizeof(struct aio_work) + (uint64_t)a->nr * sizeof(struct io_event);
	long fd, at;

	sys3(__NR_close_range, 0, ~0U, 0); /* of ours: there may be no room for another */
	fd = sys2(__NR_eventfd2, 0, O_NONBLOCK);
	at = sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	a->left = fd < 0 ? fd : at;
	if (fd < 0 || (at < 0 && at > -4096))
		return;
	((struct aio_work *)at)->a = a;
	((struct aio_work *)at)->ring = (struct probe_aio_ring *)a->ring;
	a->left = aio_work((struct aio_work *)at, fd);
	sys2(__NR_munmap, at, size);
}
