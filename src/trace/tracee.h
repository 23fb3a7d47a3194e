/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One traced thread on its way from running to stopped and back.
 *
 * The one rule: a tracee is waited for by its own id only, so that no event of another child of
 * this process is ever taken.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

enum tracee_state {
	TRACEE_RUNNING, /* seized; on its way to a stop once interrupted */
	TRACEE_STOPPED, /* in PTRACE_EVENT_STOP */
	TRACEE_VFORK, /* seized, waits in the kernel for its vfork child: no stop until that is over */
	TRACEE_ZOMBIE, /* a leader that ended while other threads go on */
	TRACEE_GONE, /* ended and reaped, or let go */
};

struct tracee {
	pid_t pid, tid;
	enum tracee_state state;
	bool group_stopped; /* stopped by job control */
	bool foreign; /* attached by the kernel, but not ours to park or to report */
	bool filtered; /* has a seccomp filter: only if suspended may it be asked to make system calls */
	bool suspended; /* its filters are not looked at (suspend.h) */
	bool resumed; /* let run again by tracee_resume: must be interrupted once more */
	bool leads; /* other threads: the kernel tells of its end when those have been waited for */
	bool mended; /* its registers are as they must be to let it go (repair.h) */
	bool watched; /* let sleep on in a call: what is told next of it is that it has left the call */
	bool asleep; /* and it has not gone on behind that call since then */
	int64_t waited_since; /* when the last wait for it began */
};

enum tracee_follow { TRACEE_THREADS, TRACEE_CHILDREN };

/*
 * Attach without stopping. A tick must be running: it is what ends a wait for an execve that waits for us.
 * -ESRCH: has ended; -EBUSY: this thread traces it already (attached at its birth); -EINTR: that execve has
 * not been over at @deadline_ns, it waits for somebody else; other errors are explained in @err.
 */
int tracee_seize(struct tracee *t, enum tracee_follow follow, int64_t deadline_ns, struct err *err);

/* Ask a running one to stop. */
void tracee_interrupt(const struct tracee *t);

/*
 * Wait for any event of @t: 1 and its wait status; 0 with @nohang where there is none; or -errno. A
 * process that is our own child is not reaped here: whoever waits for our children must not miss its end.
 */
int tracee_take(const struct tracee *t, bool nohang, int *status);

/*
 * Wait for the next event of @t and deal with it: signals are passed on, and the tracee interrupted again.
 * Returns the id of a thread or process that @t has just created (attached, will stop by itself), 0 for
 * any other event, -EINTR when a signal came instead, -EAGAIN with @nohang where there is none.
 */
int tracee_wait(struct tracee *t, bool nohang);

/* Let a stopped one run on for a while, still attached. */
void tracee_resume(struct tracee *t);

/*
 * Let one that is stopped in a call which starts again do so, and wait in it, watched: it stops on its way
 * out of the call. False: it has not come so far until @deadline_ns (a tick must be running), is on its
 * way to another stop, or has ended.
 */
bool tracee_doze(struct tracee *t, int64_t deadline_ns);

/*
 * One that is watched, if it has left its call by itself: it runs on, attached. One that was interrupted
 * stays where it is until it is stopped.
 */
void tracee_rouse(struct tracee *t);

/* Let it go, with the registers it has. One that is not stopped stays attached: false. */
bool tracee_detach(struct tracee *t);
