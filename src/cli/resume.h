/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the images of a generation to the program running again under an agent: what restart and run share.
 *
 * The one rule: everything that can be refused is refused before the first process is made.
 */
#pragma once

#include "cli/images.h"
#include "cli/serve.h"
#include "restart/restart.h"

/* The strategy of that name; false where there is none. */
bool resume_parse_ids(enum ids_strategy *strategy, const char *text);

/*
 * Does not return once the agent is there: this process becomes the front, or the agent that serves (and
 * calls @ended, may be NULL, with the wait status when the program has ended by itself).
 * @options: name NULL: the computation's own.
 */
int resume_program(struct images *images, const struct agent_options *options,
		   const struct restart_options *restart, serve_ended_fn *ended, void *data,
		   struct err *err);
