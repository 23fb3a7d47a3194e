/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fdinfo tells of an io_uring.
 *
 * The one rule: lines that this kernel does not have leave their fields 0, but where the kernel itself
 * stands in the ring (CachedSqHead, CachedCqTail) must be there: without that nothing is known.
 */
#pragma once

#include "base/err.h"
#include "procfs/scan.h"

struct uring_info {
	uint32_t sq_mask, cq_mask; /* entries, less 1 */
	uint32_t sq_tail; /* as the program has written it */
	uint32_t cached_sq_head, cached_cq_tail; /* the kernel's own counters, that never go back */
	int32_t sq_thread; /* SQPOLL: its id; -1: none */
	uint32_t files, buffers; /* registered: the length of the table */
	uint32_t personalities, polls, overflown; /* how many are listed */
	uint32_t sqes; /* listed: none of a ring without array of indices */
	bool wide_sqes, wide_cqes; /* those that are listed are of twice the size */
};

/* -EBADMSG with a message where a needed line is missing or a line makes no sense. */
int uring_parse(struct uring_info *info, const char *text, size_t len, struct err *err);

struct uring_buffer { /* a registered one */
	uint32_t index;
	uint64_t start, len; /* in the process that registered it; bytes */
};

/* Walks a scan over the whole text; false at the end. */
bool uring_next_buffer(struct scan *text, struct uring_buffer *buffer);
