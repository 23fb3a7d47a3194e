/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for what keeps a thread from being parked: read from /proc when it is too late for anything else.
 *
 * The one rule: every message names the process and what its user can do.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Read the small file /proc/PID/task/TID/NAME. Returns its length (@size at most) or -errno. */
long explain_read(pid_t pid, pid_t tid, const char *name, char *buf, size_t size);

/* The letter of its state, as /proc/PID/stat has it; X: it has ended. */
char explain_state(pid_t pid, pid_t tid);

/* What is to be known of a thread before it is stopped. */
struct explain_look {
	bool ended; /* the rest is not known */
	bool filtered; /* it has a seccomp filter that we have not, or that cannot be found out */
	/*
	 * It is none of the program's, but does what io_uring has put off: the kernel makes it and ends it. A
	 * stop would end or hold up the request that it is at, and keep all others from their end.
	 */
	bool worker;
};
void explain_look(pid_t pid, pid_t tid, struct explain_look *look);
bool explain_filtered(pid_t pid, pid_t tid); /* the first of them */
bool explain_has_own(uint32_t mode, uint32_t filters); /* by what its status says of seccomp */

/* Why PTRACE_SEIZE gave @num. -ESRCH: ended meanwhile; -EBUSY: traced by this very thread. */
int explain_seize(pid_t pid, pid_t tid, int num, struct err *err);

/* After that, of a process that need not be in a checkpoint: adds to @err how to do without it. */
int explain_can_be_left_out(struct err *err);

/* Why a thread has not stopped within @waited_ns: its state, system call and where it waits. */
int explain_stuck(pid_t pid, pid_t tid, int64_t waited_ns, struct err *err);

/* Why it could not even be attached to within @waited_ns. */
int explain_execs(pid_t pid, int64_t waited_ns, struct err *err);

/* Does @pid live, and is not traced by us? */
bool explain_lives_untraced(pid_t pid);
