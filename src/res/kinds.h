/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds, for the two halves of this room. */
#pragma once

#include "res/res.h"

/* The kind that takes a descriptor just seen; NULL: none. */
const struct res_kind *res_kind_of(const struct res_seen *seen);

/* The kind that makes an img_file again; NULL: unknown. */
const struct res_kind *res_kind_by_number(uint32_t kind);

/*
 * The first of a row of numbers that no process of the program has, long enough for everything that
 * is made in the restart and @more besides.
 */
int res_room(const struct res_restart *r, int more);

/*
 * A path that leads to an inode, to be freed; NULL: none was found before *@left directory entries had
 * been looked at, which are counted down. @likely: a directory to begin with, or NULL.
 */
char *res_find_inode(dev_t dev, ino_t ino, const char *likely, unsigned int *left);

/* temporary.c: the directories for temporary files that the environment of @pid names. */
int temporary_look(struct res_capture *c, pid_t pid, struct err *err);
void temporary_done(struct res_capture *c);

/* filter.c: the filter of the socket @seen into file @at of @m; and out of it, where there is one. */
int filter_capture(struct model *m, const struct res_seen *seen, size_t at, struct err *err);
int filter_attach(const struct model *m, const struct img_file *f, int fd, struct err *err);
