/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds, for the two halves of this room. */
#pragma once

#include "res/res.h"

/* The kind that takes a descriptor just seen; NULL: none. */
const struct res_kind *res_kind_of(const struct res_seen *seen);

/* The kind that makes an img_file again; NULL: unknown. */
const struct res_kind *res_kind_by_number(uint32_t kind);

/*
 * Raise the limit as far as that is allowed, and choose r->base: behind it are numbers that no process of the
 * program has, enough for everything that is made in the restart and @more besides; or, with r->shelves, for
 * what must stay open between making and placing. @top: the highest number in use.
 */
int res_room(struct res_restart *r, int top, int more, struct err *err);

enum { ROOM_LOWEST = 16 }; /* what is made stands here or above, even for a moment only */

/* A descriptor of where file system @dev is mounted; -1: nowhere that we see. */
int res_find_mount(dev_t dev);

/*
 * A path that leads to an inode, to be freed; NULL: none was found before *@left directory entries had
 * been looked at, which are counted down. @likely: a directory to begin with, or NULL.
 */
char *res_find_inode(dev_t dev, ino_t ino, const char *likely, unsigned int *left);

/* temporary.c: @named, in the environment of a process, is a directory for temporary files. */
int temporary_add(struct res_capture *c, const char *named, struct err *err);
void temporary_done(struct res_capture *c);

/* inotify.c: is that a descriptor's link? Has @dup, the program's @fd, events to read? */
bool inotify_is_link(const char *link);
int inotify_refuse_unread(int dup, int fd, struct err *err);

/*
 * socket.c: the size of a buffer (SO_SNDBUF, SO_RCVBUF), as getsockopt gives it; also one that is more than
 * anybody may set (net.core.rmem_max), where we may.
 */
void res_set_buffer(int fd, int name, uint64_t size);

/* filter.c: the filter of the socket @seen into file @at of @m; and out of it, where there is one. */
int filter_capture(struct model *m, const struct res_seen *seen, size_t at, struct err *err);

/*
 * Let @fd, a socket that hears all that passes by, hear nothing, and forget what it has heard; filter_attach
 * then makes it hear again. Not all kinds can: what comes is then heard a little too soon.
 */
void filter_deafen(int fd);
int filter_attach(const struct model *m, const struct img_file *f, int fd, struct err *err);

/*
 * shelf.c: what is made stands in other processes while there is no room for it in this one, and is fetched
 * when it is asked for.
 */
struct res_slot {
	int fd; /* here; -1: not */
	int shelf; /* number of the shelf that has it as well; -1: none */
	int number; /* there */
	bool placed; /* @fd is where the program has it */
};

/* From here on no more than about @most are to be in this process at a time. */
int shelf_begin(struct res_restart *r, int most, struct err *err);
void shelf_done(struct res_restart *r);

/* A new one that is here. */
void shelf_add(struct res_restart *r, struct res_slot *slot, int fd);

/* Its descriptor here, fetched if need be, until the next drop or trim; -1: there is none. */
int shelf_fetch(const struct res_restart *r, struct res_slot *slot);

/* The program has it at number @fd. With @serves nobody needs another one here, which may be in the way. */
void shelf_placed(const struct res_restart *r, struct res_slot *slot, int fd, bool serves);

/* Close here what a shelf has. Nobody may hold what was fetched before. */
void shelf_drop(const struct res_restart *r);

/* Give everything to a shelf, but for what is on one already; and the same once there is much of it. */
int shelf_clear(struct res_restart *r, struct err *err);
int shelf_trim(struct res_restart *r, struct err *err);

/* remake.c: all that has been made so far, one by one; NULL: that was the last. */
struct res_slot *res_slot_at(const struct res_restart *r, size_t i);
