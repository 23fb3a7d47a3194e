/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run directory of a computation: lock, control socket, log. There is one while an agent lives.
 *
 * The one rule: whoever holds the flock on `lock` is the agent; a directory whose lock is free is a
 * dead agent's and is removed by the first that comes by. Both happen only under the root's lock.
 */
#pragma once

#include "base/err.h"
#include "host/path.h"

#include <stddef.h>

struct rundir {
	char name[PATH_NAME_MAX + 1];
	char path[PATH_RUN_MAX];
	int dirfd, lockfd, logfd; /* -1: none */
	int doorfd; /* the root's lock, until rundir_show; -1: not held */
};

#define RUNDIR_INIT ((struct rundir){ .dirfd = -1, .lockfd = -1, .logfd = -1, .doorfd = -1 })

/*
 * Make the directory for @name and hold it. -EEXIST if a living agent has that name. Whoever looks for
 * computations waits until rundir_show: what they find can be talked to.
 */
int rundir_open(struct rundir *r, const char *name, struct err *err);
void rundir_show(struct rundir *r);
/* Remove it all. Safe on a directory that rundir_open failed on. */
void rundir_close(struct rundir *r);

struct rundir_list {
	struct rundir_entry {
		char name[PATH_NAME_MAX + 1];
		char path[PATH_RUN_MAX];
	} * at;
	size_t n;
};

/* The computations of this user that have a living agent. Dead ones' directories are removed. */
int rundir_list_load(struct rundir_list *list, struct err *err);
void rundir_list_done(struct rundir_list *list);

/*
 * The computation that a command means: @name, or the only one if NULL. Otherwise -ESRCH, with
 * those that there are in the message.
 */
int rundir_find(struct rundir_entry *found, const char *name, struct err *err);

/* A non-blocking UNIX socket of @type that listens at @file ("control.sock") of the directory @dirfd. */
int rundir_listen(int dirfd, const char *file, int type, int backlog, struct err *err);

/* Wait until the agent of run directory @path has ended, as it is about to: two seconds at most. */
void rundir_await(const char *path);
