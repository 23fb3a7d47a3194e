/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells about a UNIX socket that no system call on it does: who its peer is.
 * Source: sock_diag(7).
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sockdiag_unix {
	uint64_t ino;
	uint64_t peer; /* the peer's inode, 0: none or gone */
	uint32_t shutdown; /* 1: receives no more, 2: sends no more, 3: both */
	uint32_t backlog; /* of a listening socket */
	uint32_t waiting; /* clients waiting to be accepted */
	uint64_t *clients; /* their inodes, in order; 0: it has gone */
	size_t nclients;
	uint32_t node_ino,
		node_dev; /* of the name in the file system; device as the kernel has it */
};

/* By inode, in this network namespace. -ENOENT where the socket is not seen (another namespace). */
int sockdiag_unix(struct sockdiag_unix *diag, uint64_t ino, struct err *err);
void sockdiag_unix_done(struct sockdiag_unix *diag);

/*
 * All UNIX sockets of this network namespace. For the answer about one alone the kernel walks over all of
 * them: whoever wants to know about many asks once.
 */
struct sockdiag_all {
	struct sockdiag_unix *at; /* in the order of their inodes */
	size_t n, room;
};

int sockdiag_all(struct sockdiag_all *all, struct err *err); /* to be done also when it failed */
void sockdiag_all_done(struct sockdiag_all *all);

/*
 * Borrowed; NULL: it was not seen. While others make and close sockets the kernel may leave one out: ask
 * about that one alone.
 */
const struct sockdiag_unix *sockdiag_find(const struct sockdiag_all *all, uint64_t ino);
