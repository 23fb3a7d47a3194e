/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that speak to their agent (libcairn): a hold keeps checkpoints from beginning, a watcher is asked
 * before one begins and told afterwards. Both are connections that stay open; the kernel ends them with
 * their process.
 *
 * The one rule: no program can keep others waiting without it being said who does, and until when.
 */
#pragma once

#include "coord/agent_state.h"

#include <jansson.h>
#include <stdbool.h>

/* Requests. */
void guests_hold(struct agent *a, struct control_client *client, const json_t *request);
void guests_watch(struct agent *a, struct control_client *client, const json_t *request);
void guests_ready(struct agent *a, struct control_client *client, const json_t *request);

/* @client has gone: true if it was one of these. */
bool guests_gone(struct agent *a, const struct control_client *client);

/*
 * May a round with the requests that wait begin? If not it has been arranged that round_next is called when
 * it may, and requests whose deadline passes before that have been or will be refused.
 */
bool guests_allow(struct agent *a);

/* The program runs again after a round, which made a checkpoint or did not. */
void guests_resumed(struct agent *a, bool made);

void guests_open(struct agent *a);
void guests_close(struct agent *a);
