/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One `cairn run` at a time for each checkpoint directory; and among several in one job: who goes last.
 *
 * The one rule: locks are the kernel's (open file description locks: they hold over fork, end with the last
 * process that has them, and reach other nodes where the file system is shared); what is written into the
 * files only says who it is.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct lock {
	int dirfd; /* of the checkpoint directory; -1: none */
	int fd; /* run.lock */
	bool others; /* not taken: one with another mark has it */
	int party; /* the job's file in the directory above; -1: none */
	char party_name[96];
};

#define LOCK_INIT ((struct lock){ .dirfd = -1, .fd = -1, .party = -1 })

/*
 * Make @dir and take its run.lock; @job (may be "") and @mark are written into it. Where it is taken: wait
 * up to @wait_s seconds, saying so; then -EBUSY with who holds it. At once, and with @others set, if that
 * one has another mark; 0: whatever it has. One that was killed on this host is waited for, for a moment.
 */
int lock_open(struct lock *lock, const char *dir, const char *job, unsigned int mark,
	      unsigned int wait_s, struct err *err);
/* Let go. Locks are also let go when the last process that has them ends. */
void lock_close(struct lock *lock);

/* One more of job @job whose checkpoints lie in this directory's parent. Without success we are alone. */
void lock_join(struct lock *lock, const char *job);
/* We are done; @want: the job must be queued again. True for the last one if any has wanted it. */
bool lock_leave(struct lock *lock, bool want);
