/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring by its own system calls: liburing is not everywhere. */
#pragma once

#include "live.h"

#include <linux/io_uring.h>

#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

/* What a program keeps of a ring for itself, as liburing does. */
struct uring {
	int fd;
	struct io_uring_params p;
	char *rings;
	struct io_uring_sqe *sqes;
	unsigned int
		tail; /* what it has made of requests, and the first end that it has not taken */
	unsigned int head;
};

static inline unsigned int *uring_at(struct uring *u, unsigned int off)
{
	return (unsigned int *)(void *)(u->rings + off);
}

static inline void *uring_map(struct uring *u, size_t len, off_t offset)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, offset);

	LIVE_CHECK(at != MAP_FAILED);
	return at;
}

static inline void uring_setup(struct uring *u, unsigned int entries, unsigned int flags)
{
	size_t cqes, array;

	*u = (struct uring){ .p.flags = flags };
	u->fd = (int)syscall(SYS_io_uring_setup, entries, &u->p);
	if (u->fd < 0 && (errno == ENOSYS || errno == EPERM))
		live_skip("no io_uring here");
	if (u->fd < 0 && errno == EINVAL && flags)
		live_skip("no such io_uring here");
	LIVE_CHECK(u->fd >= 0);
	cqes = u->p.cq_off.cqes + u->p.cq_entries * sizeof(struct io_uring_cqe);
	array = u->p.sq_off.array + u->p.sq_entries * sizeof(unsigned int);
	u->rings = uring_map(u, cqes > array ? cqes : array, IORING_OFF_SQ_RING);
	u->sqes = uring_map(u, u->p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

/* The next entry for submission; it counts from uring_push on. */
static inline struct io_uring_sqe *uring_next(struct uring *u)
{
	unsigned int i = u->tail & (u->p.sq_entries - 1);

	LIVE_CHECK(u->tail - __atomic_load_n(uring_at(u, u->p.sq_off.head), __ATOMIC_ACQUIRE) <
		   u->p.sq_entries);
	if (!(u->p.flags & IORING_SETUP_NO_SQARRAY))
		uring_at(u, u->p.sq_off.array)[i] = i;
	memset(&u->sqes[i], 0, sizeof(u->sqes[i]));
	return &u->sqes[i];
}

static inline void uring_push(struct uring *u)
{
	__atomic_store_n(uring_at(u, u->p.sq_off.tail), ++u->tail, __ATOMIC_RELEASE);
}

static inline void uring_nop(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_next(u);

	sqe->opcode = IORING_OP_NOP;
	sqe->user_data = data;
	uring_push(u);
}

static inline int uring_enter(struct uring *u, unsigned int submit, unsigned int wait)
{
	return (int)syscall(SYS_io_uring_enter, u->fd, submit, wait, IORING_ENTER_GETEVENTS, NULL,
			    0);
}

static inline unsigned int uring_ready(struct uring *u)
{
	return __atomic_load_n(uring_at(u, u->p.cq_off.tail), __ATOMIC_ACQUIRE) - u->head;
}

/* Take the next end; there must be one. */
static inline struct io_uring_cqe uring_take(struct uring *u)
{
	struct io_uring_cqe *cqes = (void *)(u->rings + u->p.cq_off.cqes), cqe;

	LIVE_CHECK(uring_ready(u) > 0);
	cqe = cqes[u->head & (u->p.cq_entries - 1)];
	__atomic_store_n(uring_at(u, u->p.cq_off.head), ++u->head, __ATOMIC_RELEASE);
	return cqe;
}

/* @n requests from begin to end. */
static inline void uring_history(struct uring *u, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct io_uring_cqe cqe;

		uring_nop(u, i);
		LIVE_EQUAL(uring_enter(u, 1, 1), 1);
		cqe = uring_take(u);
		LIVE_EQUAL(cqe.user_data, i);
	}
}
