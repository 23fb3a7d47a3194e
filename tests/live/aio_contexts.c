/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIO contexts: with events that have not been reaped, wrapped around the end of their ring, or full; one
 * that has been moved; and what a child inherits, which is no context.
 */
#include "aio.h"

enum { CONTEXTS = 6, SMALL = 1, MOVED = 3, FULL = 4, IDLE = 5 };

static aio_context_t context[CONTEXTS];
static unsigned int head[CONTEXTS], tail[CONTEXTS], nr[CONTEXTS];
static uint64_t submitted[CONTEXTS], reaped[CONTEXTS];
static struct iocb request;
static int fd;

static struct aio_ring *ring(int i)
{
	return (struct aio_ring *)context[i];
}

static void submit(int i, unsigned int n)
{
	static const char byte = 'x';

	while (n--) {
		request = aio_write(fd, &byte, 1, 0, submitted[i]++);
		aio_submit(context[i], &request);
	}
}

static void reap(int i, unsigned int n)
{
	struct io_event e;

	while (n--) {
		LIVE_EQUAL(aio_reap(context[i], &e, 1), 1);
		LIVE_EQUAL(e.data, reaped[i]++);
		LIVE_EQUAL(e.obj, (uintptr_t)&request);
		LIVE_EQUAL(e.res, 1);
	}
}

/* As many as it takes. */
static void fill(int i)
{
	struct iocb *p = &request;
	static const char byte = 'x';

	request = aio_write(fd, &byte, 1, 0, submitted[i]);
	while (syscall(SYS_io_submit, context[i], 1L, &p) == 1)
		request.aio_data = ++submitted[i];
	LIVE_EQUAL(errno, EAGAIN);
}

static void make(void)
{
	static const unsigned int ask[CONTEXTS] = { 1, 1, 300, 64, 16, 2000 };
	void *place;

	for (int i = 0; i < CONTEXTS; i++)
		context[i] = aio_setup(ask[i]);
	/* A gap among the kernel's numbers. */
	LIVE_EQUAL(syscall(SYS_io_destroy, context[0]), 0);
	submit(SMALL, 100);
	reap(SMALL, 100);
	submit(SMALL, 60); /* beyond the ring's end */
	reap(SMALL, 7);
	submit(2, 5);
	place = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	LIVE_CHECK(mremap(ring(MOVED), 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
	context[MOVED] = (aio_context_t)place;
	submit(MOVED, 200);
	reap(MOVED, 150);
	fill(FULL);
	for (int i = 1; i < CONTEXTS; i++) {
		head[i] = ring(i)->head;
		tail[i] = ring(i)->tail;
		nr[i] = ring(i)->nr;
	}
}

static void check(void)
{
	uint64_t full = submitted[FULL];

	for (int i = 1; i < CONTEXTS; i++) {
		LIVE_EQUAL(ring(i)->head, head[i]);
		LIVE_EQUAL(ring(i)->tail, tail[i]);
		LIVE_EQUAL(ring(i)->nr, nr[i]);
	}
	fill(FULL);
	LIVE_EQUAL(submitted[FULL], full);
	for (int i = 1; i < CONTEXTS; i++) {
		reap(i, (unsigned int)(submitted[i] - reaped[i]));
		LIVE_EQUAL(ring(i)->head, ring(i)->tail);
		submit(i, 100);
		reap(i, 100);
	}
}

/* The memory is there, and that is all. */
static int child(void)
{
	struct io_event e;
	struct timespec now = { 0 };

	LIVE_EQUAL(syscall(SYS_io_getevents, context[SMALL], 0L, 1L, &e, &now), -1);
	LIVE_EQUAL(errno, EINVAL);
	LIVE_EQUAL(ring(SMALL)->tail, tail[SMALL]);
	LIVE_EQUAL(ring(2)->events[0].data, 0);
	LIVE_EQUAL(ring(2)->events[4].data, 4);
	context[0] = aio_setup(1);
	submit(0, 3);
	reap(0, 3);
	return 0;
}

int main(void)
{
	int go[2], status;
	char byte;
	pid_t pid;

	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	make();
	LIVE_CHECK(!pipe2(go, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 0 ? child() : 1);
	}
	close(go[0]);
	live_ready();
	close(go[1]);
	LIVE_CHECK(waitpid(pid, &status, 0) == pid);
	LIVE_EQUAL(status, 0);
	check();
	for (int i = 1; i < CONTEXTS; i++)
		LIVE_EQUAL(syscall(SYS_io_destroy, context[i]), 0);
	LIVE_EQUAL(syscall(SYS_io_destroy, context[SMALL]), -1);
	return 0;
}
