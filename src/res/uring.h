/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_uring: one of our own, one of the program's that is looked at, and what is asked of both.
 *
 * The one rule: a ring of the program's is only looked at while it stands, and nothing that is asked of it
 * changes it.
 */
#pragma once

#include "base/err.h"
#include "contract/image_format.h"

#include <linux/io_uring.h>
#include <stddef.h>

enum { /* newer than the headers */
       URING_NO_SQARRAY = 1 << 16, /* IORING_SETUP_NO_SQARRAY, Linux 6.6 */
};

struct uring {
	int fd; /* -1: none */
	struct io_uring_params p;
	uint8_t *rings, *sqes; /* mapped */
	size_t rings_len, sqes_len; /* bytes, not rounded */
};

/*
 * A new one, close-on-exec. @flags: IORING_SETUP_*; SUBMIT_ALL is left out where the kernel has none.
 * -errno. To be closed by uring_close, also on failure.
 */
int uring_open(struct uring *u, uint32_t sq_entries, uint32_t cq_entries, uint32_t flags);

/* A view of the one behind @fd, which is borrowed, supposed to be like @like. */
int uring_view(struct uring *u, int fd, const struct uring *like);
void uring_close(struct uring *u);

/* A word of its rings. */
static inline uint32_t *uring_word(const struct uring *u, uint32_t off)
{
	return (uint32_t *)(void *)(u->rings + off);
}

enum uring_question {
	URING_ASK_EVENTFD, /* -EFAULT: none is registered; -EBUSY: one is */
	URING_ASK_REGION, /* -EFAULT, or -EINVAL by a kernel that has none; -EBUSY: one is registered */
	URING_ASK_WAIT, /* -EFAULT; 0: it is one that polls; -EBADFD: it is not enabled */
	URING_QUESTIONS,
};

/* What the kernel answers, -errno; -EEXIST: it answers one thread only (SINGLE_ISSUER). */
long uring_ask(int fd, enum uring_question question);

/* The same (but for URING_ASK_WAIT) for somebody else to ask: @args, and the number of the call. */
long uring_question(enum uring_question question, uint64_t fd, uint64_t args[6]);

/* uring_make.c */
struct res_restart;
struct img_file;
int uring_make(struct res_restart *r, const struct img_file *f, struct err *err);
