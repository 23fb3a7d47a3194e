/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a plan (contract/restore_plan.h) into a region of memory.
 *
 * The one rule: everything is written at the address it will be used at, so pointers are final. A plan that
 * does not fit says so once, at plan_finish; adding to a full plan is harmless.
 */
#pragma once

#include "base/err.h"
#include "contract/restore_plan.h"

#include <stdbool.h>
#include <stdint.h>

struct plan {
	struct plan_header *header; /* at the start of the region */
	struct plan_op *ops; /* all lists, one after the other */
	size_t nops, ops_room;
	size_t list; /* where the list begins that is being written */
	uint8_t *data;
	size_t data_used, data_room;
	bool full;
};

/* How large a region must be. */
struct plan_size {
	size_t ops, data; /* records, bytes */
	size_t threads; /* other than the leader */
	size_t parking; /* bytes to move areas to for a while; page-aligned */
};
size_t plan_region_size(const struct plan_size *size);

/*
 * Lay a plan out in the region [@start, @start + plan_region_size), mapped and zero, and copy the
 * restorer into it. The parking area is at its end: *@parking.
 */
void plan_init(struct plan *p, void *start, const struct plan_size *size, uint64_t *parking);

/* -ENOSPC where more was added than plan_size had said. */
int plan_finish(const struct plan *p, struct err *err);

/* Add a system call to the list being written. */
struct plan_op *plan_add(struct plan *p, enum plan_check check, long nr, const uint64_t args[6]);
#define PLAN_ARG(x) ((uint64_t)(x))
#define plan_call(p, check, nr, ...) plan_add(p, check, nr, (const uint64_t[6]){ __VA_ARGS__ })
/* The same, where the result must be @result. */
struct plan_op *plan_expect(struct plan *p, uint64_t result, long nr, const uint64_t args[6]);

/* Add another kind of operation. */
struct plan_op *plan_special(struct plan *p, enum plan_kind kind, uint64_t a, uint64_t b,
			     uint64_t c);

/* @len zeroed bytes in the region, 8-byte aligned, to be written; NULL when full. */
void *plan_reserve(struct plan *p, size_t len);
/* A copy of @len bytes there; its address, 0 when full. */
uint64_t plan_data(struct plan *p, const void *bytes, size_t len);

/* The list written since the last plan_list (or plan_init). */
struct plan_list plan_list(struct plan *p);

/* The stack of the leader: its top, for stack_jump. */
void *plan_leader_stack(const struct plan *p);
/* The stack of thread @index (0: the first other than the leader): its lowest address. */
uint64_t plan_thread_stack(const struct plan *p, size_t index);

/* "mmap(0x1000, 0x2000, ...)": an operation for a message. */
void plan_describe(char *buf, size_t size, const struct plan_op *op);
