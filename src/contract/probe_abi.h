/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracer and the probe agree on: a job, written by the tracer into memory that it has mapped
 * into the process, and done by the blob (src/probe) on one thread.
 *
 * The one rule: a job ends in the signal @stop_signal that the thread sends to itself, which the
 * tracer takes away before it has any effect. Without a tracer it has none, and the blob goes on by
 * itself to where the program was.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	PROBE_NREGS = 27, /* struct user_regs_struct */
	PROBE_SLOT_SIZE = 2048, /* a job, a few calls and results, and a stack */
	PROBE_SLOT_STACK = 1024, /* of it: the stack, at its end */
	PROBE_RED_ZONE = 128, /* below the program's stack pointer, not to be touched */
};

struct probe_call { /* one system call to make */
	uint64_t nr;
	uint64_t args[6];
	int64_t result;
};
_Static_assert(sizeof(struct probe_call) == 64, "shared with the blob");

enum probe_mode {
	PROBE_CALLS, /* only make the calls */
	PROBE_FORK, /* then fork a copy beside the process: a child of its parent */
	PROBE_FORK_HELPED, /* then have a helper fork it, which ends at once */
	PROBE_AIO, /* then have a helper look at an AIO context */
};

struct probe_aio_ring { /* the head of an AIO context's memory, before the events: the kernel's */
	uint32_t id; /* the kernel's number for the context */
	uint32_t nr; /* events that there is room for */
	uint32_t head,
		tail; /* of those that have not been reaped: the first, and behind the last */
	uint32_t magic;
	uint32_t compat, incompat;
	uint32_t header_size;
};
_Static_assert(sizeof(struct probe_aio_ring) == 32, "the kernel's");

enum { PROBE_AIO_EVENT = 32 }; /* bytes of one */
#define PROBE_AIO_MAGIC 0xa10a10a1u

struct probe_aio {
	uint64_t ring; /* the context: its address */
	uint32_t nr; /* events that it has room for */
	uint32_t idle; /* requests that an idle one of that size takes */
	int64_t wait_ns; /* how long those in flight are waited for, at most */
	int64_t left; /* out: requests in flight; or -errno, and nothing is known */
};
_Static_assert(sizeof(struct probe_aio) == 32, "shared with the blob");

struct probe_job {
	uint64_t regs[PROBE_NREGS]; /* how the program goes on if the tracer dies; ready to start */
	uint64_t sigmask; /* likewise */
	uint64_t stack; /* its stack pointer */
	uint32_t mode; /* enum probe_mode */
	uint32_t ncalls;
	uint64_t calls; /* address of struct probe_call[] */
	uint64_t aio; /* address of a struct probe_aio */
	uint64_t helper_stack; /* its top */
	int64_t copy; /* out: what the fork returned */
	uint32_t stop_signal;
	uint32_t reserved;
};
_Static_assert(sizeof(struct probe_job) == 280, "shared with the blob");
