/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: what the restorer does, step by step, inside the process that it rebuilds.
 *
 * The hosted side (src/restart) writes plan, data and stacks into one region of memory, copies the
 * restorer's code into it and jumps there; the restorer knows nothing but how to follow a list.
 * All thought is in hosted code, where it can be tested.
 *
 * The one rule: a region stands alone. It uses no address outside itself but those that its operations
 * name, and one munmap of the whole takes it away.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	PLAN_VERSION = 3,
	PLAN_STACK_LEADER = 16384, /* bytes */
	PLAN_STACK_THREAD = 2048,
};

enum plan_kind {
	PLAN_SYSCALL = 1,
	PLAN_THREAD, /* start a thread: args[0] is the address of a struct plan_thread */
	PLAN_BEGIN, /* let threads begin that were started beforehand, and wait */
	PLAN_JOIN, /* wait until args[0] threads have come to the end of their lists */
	PLAN_TIMER, /* timer_create(args[0], args[1]), deleting those before, until id args[2] */
	PLAN_COPY, /* args[2] bytes from args[1] to args[0] */
	PLAN_AIO, /* make an AIO context: args[0] is the address of a struct plan_aio */
};

/* What the result of an operation must be. */
enum plan_check {
	PLAN_MUST = 1, /* >= 0 */
	PLAN_EXACT, /* want */
	PLAN_TRY, /* anything: a comfort that this kernel or user may not have */
	PLAN_OR_NEXT, /* >= 0 and the next operation is passed over; else that one is the remedy */
};

struct plan_op {
	uint16_t kind; /* enum plan_kind */
	uint16_t check; /* enum plan_check */
	uint32_t reserved;
	int64_t nr; /* of the system call */
	uint64_t args[6];
	uint64_t want; /* for PLAN_EXACT */
};
_Static_assert(sizeof(struct plan_op) == 72, "two programs");
_Static_assert(offsetof(struct plan_op, args) == 16, "two programs");

struct plan_list {
	uint64_t ops; /* address of struct plan_op */
	uint64_t n;
};

enum plan_early {
	PLAN_EARLY_ENDED, /* by itself, as it had another id; or not begun */
	PLAN_EARLY_BORN, /* set by who starts it */
	PLAN_EARLY_WAITS, /* it is the one, and waits in the restorer */
};

struct plan_thread {
	int32_t tid;
	uint32_t early; /* of one started beforehand: enum plan_early; a futex */
	uint64_t stack; /* its lowest address; PLAN_STACK_THREAD bytes */
	struct plan_list list;
	uint64_t header; /* address of the struct plan_header */
};
_Static_assert(sizeof(struct plan_thread) == 40, "two programs");

struct plan_aio {
	uint64_t at, size; /* where its ring belongs; something is there, to keep the place free */
	uint32_t ask; /* io_setup's first argument */
	uint32_t nr; /* events that there is room for then */
	uint32_t head, tail; /* where it is to stand: nothing else can put it there */
	uint32_t id; /* out: what the ring must begin with, whatever is written over it */
	uint32_t reserved;
};
_Static_assert(sizeof(struct plan_aio) == 40, "two programs");

enum plan_state {
	PLAN_RUNNING,
	PLAN_FAILING, /* one thread has taken it upon itself to say what failed */
	PLAN_FAILED, /* and has said it */
};

/* At the start of the region. What the restorer itself writes stands at the end. */
struct plan_header {
	uint32_t version;
	uint32_t reserved;
	uint64_t start, size; /* of the region */
	uint64_t code; /* where the restorer's code was put: its entry */
	struct plan_list leader;
	struct plan_list late; /* for the agent: done by injection when every thread stands still */

	uint32_t state; /* enum plan_state */
	uint32_t arrived; /* threads at the end of their lists; a futex */
	uint32_t begin; /* set by PLAN_BEGIN; a futex */
	int32_t failed_tid;
	int64_t failed_result;
	uint64_t failed_op; /* address */
};
_Static_assert(sizeof(struct plan_header) == 96, "two programs");
_Static_assert(offsetof(struct plan_header, state) == 64, "two programs");

/*
 * The restorer's entry, at the first byte of its code; for the leader (@thread NULL), and for threads
 * that are started before there is a plan: these end at once if their id is not that of @thread, and else
 * wait for PLAN_BEGIN. Does not return.
 */
typedef void plan_entry(struct plan_header *header, struct plan_thread *thread);
