/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking an agent: one request, progress, one answer.
 *
 * The one rule: an agent that its shell has stopped is woken for the time of the request, without its
 * program noticing.
 */
#pragma once

#include "base/err.h"
#include "coord/rundir.h"

#include <jansson.h>

typedef void client_progress_fn(const json_t *progress);

/*
 * Send @request (borrowed) to the agent of @computation and wait for its answer: a new reference, or NULL
 * with @err. @progress may be NULL. @timeout_s: give up when nothing at all is heard for that long
 * (0: wait as long as the agent lives).
 */
json_t *client_ask(const struct rundir_entry *computation, const json_t *request,
		   client_progress_fn *progress, unsigned int timeout_s, struct err *err);

/*
 * A connection to the agent's socket @file ("control.sock", "join.sock") of @type, or -errno. client_wake:
 * after something was sent over it.
 */
int client_connect(const struct rundir_entry *computation, const char *file, int type,
		   struct err *err);
void client_wake(int fd);
/*
 * Then wait until there is something to read (> 0), or @timeout_ms have passed (0; -1: none); else -1 with
 * errno.
 */
int client_await(int fd, int timeout_ms);

/* As client_ask, with a plain request; and of the computation that @name means (NULL: the only one). */
json_t *client_command_to(const struct rundir_entry *computation, const char *command,
			  struct err *err);
json_t *client_command(const char *name, const char *command, struct err *err);
