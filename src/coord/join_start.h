/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a program that joins, from what its front has sent: with that one's streams, directory,
 * environment, limits and the rest of what a child inherits.
 *
 * The one rule: what came over the socket is checked before anything is made of it.
 */
#pragma once

#include "coord/join.h"
#include "host/signals.h"

struct join_start {
	struct join_program program;
	int fds[JOIN_FDS];
	char *texts, **argv, **env;
	const char *path;
	/* once it runs */
	pid_t pid;
	bool own_group, exec_failed;
};

/* The message on @line. -EAGAIN: none there. Needs join_start_done in any case. */
int join_start_receive(struct join_start *s, int line, struct err *err);
void join_start_done(struct join_start *s);

/* Start it: in the process group of the one behind @line where both are in our session, else in its own. */
int join_start_run(struct join_start *s, int line, const struct signals *signals, struct err *err);
