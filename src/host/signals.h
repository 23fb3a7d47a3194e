/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals at who stands for a program, its agent or its front: all of them are blocked and read from a
 * descriptor, and those that were meant for the program are passed on, each exactly once.
 *
 * The one rule: the program gets what it would have got without us. What was sent to the whole process
 * group has reached it already, where it is in that group; only what was sent to us alone is
 * passed on. The program starts with the mask and dispositions that we were started with.
 */
#pragma once

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

struct signals {
	int fd; /* signalfd, non-blocking */
	sigset_t old_mask;
	struct sigaction old_child; /* SIGCHLD ignored would hide the program's end from us */
	/*
	 * A process of ours in the same process group that does nothing: a signal that is pending there too
	 * was sent to the group. siginfo does not tell. 0: none.
	 */
	pid_t sentinel;
	void *sentinel_stack; /* two, used in turn */
	bool sentinel_half; /* which */
	uint64_t seen; /* signals (bit n-1) that an earlier sentinel saw and we have not read yet */
};

int signals_open(struct signals *s, struct err *err);
/* Put mask and dispositions back as they were. */
void signals_close(struct signals *s);

/* Begin to tell group signals from our own; for when the program is in our process group. */
int signals_watch_group(struct signals *s, struct err *err);
/* No longer; what is pending stays blocked. */
void signals_unwatch_group(struct signals *s);

/* In a new process before exec (also one that shares memory with us: touches only its own state). */
void signals_restore(const struct signals *s);

/*
 * Must @si be passed on to the program, which is in our process group, or @apart? Not one that has been taken
 * back meanwhile: a stop by SIGCONT, or that by a stop.
 */
bool signals_meant_for(struct signals *s, const struct signalfd_siginfo *si, bool apart);

/* Send @si on, with its value where it has one. */
void signals_pass(const struct signalfd_siginfo *si, pid_t root);
