/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNIX sockets, as their img_file keeps them: struct unix_state, then in img_file.data the directory that a
 * relative name counts from and the path that the name was moved to, the clients that wait to be accepted,
 * and the messages in the receive queue.
 *
 * The one rule: what comes out of an image is read through a struct unix_record, which has been checked.
 */
#pragma once

#include "res/res.h"
#include "res/sockdiag.h"

#include <limits.h>

enum { /* img_file.arg */
       UNIX_ARG_TYPE,
       UNIX_ARG_ROLE,
       UNIX_ARG_PEER, /* inode of the peer; 0: none, or gone */
       UNIX_ARG_SHUTDOWN, /* 1: receives no more, 2: sends no more */
       UNIX_ARG_BACKLOG,
       UNIX_ARG_NAME, /* hash of the name; 0: none */
       UNIX_ARG_PEER_NAME, /* of the peer's */
       UNIX_ARG_FLAGS, /* UNIX_* */
};

enum unix_role {
	UNIX_FRESH, /* neither connected nor listening */
	UNIX_CONNECTED, /* also if the peer has gone by now */
	UNIX_LISTENING,
};

enum {
	UNIX_NODE = 1 << 0, /* the name stands in the file system, or where it was moved to */
	UNIX_RESET = 1 << 1, /* the peer left without reading everything */
};

enum { UNIX_OPTIONS = 14, UNIX_NAME_MAX = 112, UNIX_FDS_MAX = 253 /* SCM_MAX_FD */ };

struct unix_state {
	uint8_t option[UNIX_OPTIONS][16];
	uint32_t option_set; /* bit n: option n was read */
	uint32_t sndbuf, rcvbuf; /* as getsockopt gives them: doubled by the kernel */
	uint32_t node_mode; /* st_mode, with UNIX_NODE */
	uint32_t name_len, peer_name_len;
	uint8_t name[UNIX_NAME_MAX], peer_name[UNIX_NAME_MAX]; /* struct sockaddr_un */
	/*
	 * Of what a relative name counts from, with its NUL; behind it where the name was moved to, if it
	 * was, and of one that stands somewhere its "user group", as numbers: all are counted.
	 */
	uint32_t dir_len;
	uint32_t nclients; /* uint64_t inodes */
};
_Static_assert(sizeof(struct unix_state) == 480, "on disk");

/* A message, or a piece of a stream that came with descriptors or credentials of its own. */
struct unix_message {
	uint32_t len, nfds, name_len;
	int32_t pid; /* credentials; 0: none */
	uint32_t uid, gid;
	/* the bytes, uint32_t ids of the descriptors, the sender's name: each padded to 8 */
};
_Static_assert(sizeof(struct unix_message) == 24, "on disk");

/* An img_file's data, taken apart; everything points into the model. */
struct unix_record {
	const struct unix_state *state;
	const char *dir, *node, *owner;
	const uint64_t *clients;
	const uint8_t *at, *end; /* messages */
};

/* -EBADMSG where it makes no sense. */
int unix_record_open(struct unix_record *u, const struct model *m, const struct img_file *f,
		     struct err *err);

struct unix_piece {
	const struct unix_message *message;
	const uint8_t *bytes, *name;
	const uint32_t *fds;
};

/* The next message; false at the end, or where the record is damaged. */
bool unix_record_next(struct unix_record *u, struct unix_piece *piece);

/*
 * unix_queue.c: add all messages in the queue behind @seen to @pool, without taking one out. Descriptors in
 * flight are captured into @m.
 */
int unix_queue_peek(const struct res_seen *seen, struct model *m, struct model *pool, bool stream,
		    struct err *err);

/* Send @piece through @fd, to @name where there is one; a message carries its descriptors along. */
int unix_queue_send(const struct res_restart *r, const struct unix_piece *piece, int fd,
		    const void *name, uint32_t name_len, struct err *err);

/* unix_option.c: all settings of a socket. */
void unix_option_get(int fd, struct unix_state *s);
void unix_option_set(int fd, const struct unix_state *s);

/* unix_node.c: where the name of a socket stands. */
struct unix_node {
	uint32_t mode; /* st_mode; 0: nowhere, it has been removed */
	uid_t uid;
	gid_t gid;
	char dir[PATH_MAX]; /* a relative name counts from there */
	char path[PATH_MAX]; /* where it was moved to; "": it stands at its name */
};

/*
 * Of the socket @seen, bound to the path @name. Unless @wanted, only there: nobody will ever connect to it.
 * -ENOTSUP: it cannot be known.
 */
int unix_node_find(const struct res_seen *seen, const struct sockdiag_unix *diag, const char *name,
		   bool wanted, struct unix_node *node, struct err *err);

/*
 * unix_name.c: bind to the name it had. A name in the file system that is left over from before is replaced;
 * one that was moved is moved again, one that was removed (!@node) is removed again, and what is in its
 * place now stays there. *@reach: such a socket is connected to through this; else -1.
 */
int unix_name_bind(int fd, const struct unix_record *u, bool node, int *reach, struct err *err);

/* The same for a name alone (of somebody who is gone), for the moment that @fd is open. */
int unix_name_bind_other(int fd, const void *name, uint32_t len, const char *dir, int *reach,
			 struct err *err);

/* To @dir, from which a relative name counts, and back. */
int unix_name_enter(const char *dir);
void unix_name_leave(int here);

/* connect(2), from there. */
int unix_name_connect(int fd, const void *name, uint32_t len, const char *dir);

/* The address of what @reach is: to connect or send to it whatever its name is. */
struct sockaddr_un;
uint32_t unix_name_reach(int reach, struct sockaddr_un *un);

uint64_t unix_name_hash(const void *name, uint32_t len);

/* unix_make.c */
int unix_make(struct res_restart *r, const struct img_file *f, struct err *err);
int unix_fill(struct res_restart *r, const struct img_file *f, int fd, struct err *err);
int unix_settle(struct res_restart *r, const struct img_file *f, int fd, struct err *err);
