/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a stream socket in the run directory, where one request is one line of JSON and
 * is answered by lines {"progress": ...} and one last {"result": ...} or {"error": ...}.
 *
 * The one rule: nothing that comes in or stays away can harm or block the agent: only our own user and
 * root are heard, lines and numbers of clients are bounded, slow readers are dropped.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

struct control;
struct control_client;

struct control_ops {
	/* A request has come. Answer now or later, with control_done or control_fail, once. */
	void (*request)(void *data, struct control_client *client, const json_t *request);
	/* The client of an unanswered request has gone. */
	void (*gone)(void *data, struct control_client *client);
};

/* Listen on control.sock below @dirfd. */
int control_open(struct control **c, uv_loop_t *loop, int dirfd, const struct control_ops *ops,
		 void *data, struct err *err);
/* In a copy of the process that had opened it: those who connect are shown who listens. */
void control_listen_again(struct control *c);
/* Close all; takes effect when the loop has run once more. NULL is fine. */
void control_close(struct control *c);

/*
 * @client stays, unanswered, for as long as it likes: it takes none of the places, and no agent waits for it.
 * -EBUSY: there are too many of them.
 */
int control_keep(struct control_client *client);

/* Nobody waits for an answer; those that stay do not count. */
bool control_is_idle(const struct control *c);

/* All take a borrowed @value. Progress is left out while a client does not read. */
void control_progress(struct control_client *client, const json_t *value);
void control_done(struct control_client *client, const json_t *value);
void control_fail(struct control_client *client, const struct err *err);
