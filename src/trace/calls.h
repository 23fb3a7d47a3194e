/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to know about interruptible system calls: one table.
 *
 * The one rule: what is not in the table is restarted by the kernel exactly, or not interruptible.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum calls_timeout {
	CALLS_FOREVER, /* has no time-out */
	CALLS_MS, /* milliseconds in argument @arg; negative: none */
	CALLS_TIMESPEC, /* argument @arg points to a relative struct timespec; NULL: none */
	/* argument @arg points to a struct io_uring_getevents_arg, whose last field does to a timespec */
	CALLS_URING,
	CALLS_REST, /* argument @arg points to a struct timespec where the kernel leaves what is left */
	CALLS_REST_US, /* likewise, a struct timeval */
	CALLS_RECEIVE, /* SO_RCVTIMEO of the socket in argument 0, where it is one */
	CALLS_SEND, /* SO_SNDTIMEO likewise */
};

enum { CALLS_END = 0x7fffffff };

struct calls_call {
	short nr;
	/* Returns EINTR even with no handler: to be restarted by us, with its whole time-out. */
	bool eintr;
	const uint32_t
		*only; /* eintr for these values of argument 1 alone, up to CALLS_END; NULL: any */
	enum calls_timeout timeout;
	unsigned char arg;
	/* The time is only relative where argument @flags_arg & @flags_mask == @flags_value. */
	unsigned char flags_arg;
	unsigned char flags_mask, flags_value;
	/* Argument that points to where the kernel leaves the rest when interrupted; 0: nowhere. */
	unsigned char rest_arg;
	unsigned char tag_arg; /* an argument whose upper half the kernel does not look at */
	short timed_out; /* its result when the time is up; for eintr calls with a socket's time-out */
};

struct user_regs_struct;

/* NULL for what is not in the table. */
const struct calls_call *calls_find(long nr);

/* Is @call, whose argument 1 is @arg1, one that we restart when it has returned EINTR? */
bool calls_eintr(const struct calls_call *call, uint64_t arg1);

/*
 * Which call the instructions before @code's end were about to make: for a thread that stands in
 * restart_syscall and whose first interruption nobody has seen. -1 where they do not tell.
 */
long calls_guess(const uint8_t *code, unsigned long len);

/* Put @tag where the kernel does not look; 0: take it away. */
void calls_set_tag(const struct calls_call *call, struct user_regs_struct *regs, uint32_t tag);
