/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are: names of computations, run directories, checkpoint directories.
 *
 * The one rule: a directory that others could have prepared for us is never used: ours are 0700,
 * owned by us, and not reached through a link.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	PATH_NAME_MAX = 64, /* bytes of a computation's name, without NUL */
	PATH_ROOT_MAX = 512, /* bytes of a directory that holds run directories */
	PATH_RUN_MAX = PATH_ROOT_MAX + PATH_NAME_MAX + 2,
};

/* A name of letters, digits and . _ + @ % = , : - that does not begin with '.' or '-'. */
int path_check_name(const char *name, struct err *err);

/* Turn any text (a program's file name) into a valid name by replacing what is not allowed. */
void path_make_name(char *name, size_t size, const char *text);

/*
 * Directories that may hold run directories, the one to create new ones in first: $CAIRN_RUNDIR alone
 * if set, else $XDG_RUNTIME_DIR/cairn where that is usable, and /tmp/cairn-UID. -ENAMETOOLONG where
 * CAIRN_RUNDIR is.
 */
struct path_roots {
	char dir[2][PATH_ROOT_MAX];
	size_t n;
};
int path_run_roots(struct path_roots *roots, struct err *err);

/* Make @dir (and what is above it) if need be, 0700, and check that it is ours alone. */
int path_make_private(const char *dir, struct err *err);

/* @path made absolute against the current directory; no link is followed. malloc'd. */
char *path_absolute(const char *path);

/* mkdir -p: new ones get @mode; those that exist are left alone. */
int path_make_all(const char *dir, unsigned int mode, struct err *err);
