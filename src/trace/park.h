/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parking: every thread of every process of a computation stopped between two instructions, in a
 * way that it cannot notice, and let go again.
 *
 * The one rule: a parked program is a resource like a descriptor. park_end releases it on every path, and
 * if this process dies at any moment the kernel releases it, able to run on. All calls
 * of one park must come from the thread that began it (ptrace binds to the thread).
 */
#pragma once

#include "base/err.h"
#include "procfs/stat.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct park_thread {
	pid_t tid;
	bool exited; /* a leader that has ended while other threads go on: nothing to read */
	bool group_stopped; /* was stopped by job control before we came */
	/* For an image, once regs_make_startable has been over them: not all that the thread itself has. */
	struct user_regs_struct regs;
	/*
	 * The number of the system call that it will go on with when let go (interrupted, to be restarted,
	 * after restart_syscall has been traced back to the original); -1 in user mode.
	 */
	long syscall;
	int64_t time_left_ns; /* of a relative time-out of that call; -1: none or not known */
	/* bytes of that call that are made already: only the rest is to be made (halfway.h) */
	uint64_t done;
	uint64_t sigmask;
};

struct park_process {
	pid_t pid;
	pid_t ppid; /* 0: in a namespace that is not ours */
	struct stat_line stat; /* as it stood; not of one that is skipped */
	bool zombie; /* ended, not waited for: no threads */
	bool skipped; /* a zombie only for the others: it lives, see park_skipped */
	bool asleep; /* since it was looked at ahead: no thread of it has gone on (asleep.h) */
	bool vfork_parent; /* waits in vfork: cannot run, could not be stopped */
	uint64_t detour; /* where it has code for calls made half-way (halfway.h); 0: nowhere */
	struct park_thread *threads; /* the leader first */
	size_t nthreads;
};

/* Its first thread that has not ended: /proc may have nothing more of the leader. @p itself, if all have. */
pid_t park_alive(const struct park_process *p);

/* Had job control stopped it before we came? */
bool park_stopped(const struct park_process *p);

/* With skip: one that may not be traced. It runs on all the time, and so does what is below it. */
struct park_skipped {
	pid_t pid, ppid;
	char why[ERR_MSG_MAX]; /* names it */
};

struct park {
	struct park_process *processes; /* parents before children */
	size_t nprocesses;
	struct park_skipped *skipped; /* freed by park_end; may be taken over */
	size_t nskipped;
	int64_t began_ns, parked_ns; /* CLOCK_MONOTONIC: first stop, last stop */
	struct park_state *state; /* the room's own */
};

struct asleep;

struct park_options {
	int64_t deadline_ns; /* how long to try; 0: 10 s */
	bool with_children; /* follow /proc/PID/task/TID/children */
	bool with_orphans; /* also what has come to us, the subreaper, and everything below it */
	pid_t except; /* a child of ours that is no part of it; 0: none */
	const pid_t *beside; /* processes at the top beside the root; borrowed until it has begun */
	size_t nbeside;
	bool skip; /* go on without those below the root that may not be traced */
	struct asleep *asleep; /* who has been looked at ahead; NULL: nobody */
};

/*
 * What parking must remember from one checkpoint to the next (deadlines of calls that restart with
 * their full time, original call numbers behind restart_syscall). One per agent. May be NULL.
 */
struct park_memory;
int park_memory_create(struct park_memory **memory, struct err *err);
void park_memory_destroy(struct park_memory *memory);

/*
 * Threads that could not be let go at once (in vfork, or stuck in the kernel) stay attached: call this on
 * every SIGCHLD between parks, so that they are let go when they come. True when none is left. Without a
 * memory they are only let go when this process ends.
 */
bool park_tend(struct park_memory *memory);

/*
 * Park everything from @root down. On failure nothing is left parked and @err names process,
 * thread, state and system call, and what to do.
 */
int park_begin(struct park *park, pid_t root, const struct park_options *options,
	       struct park_memory *memory, struct err *err);

/*
 * Let everything go, exactly as it was. Safe on a zeroed or half-made park. A process that ended all the
 * same (SIGKILL from elsewhere) can still be waited for by its parent, also where that is us.
 */
void park_end(struct park *park);
