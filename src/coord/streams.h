/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard streams that came from outside, by which a checkpoint knows what belongs to the restart's
 * own streams.
 *
 * The one rule: we keep no end of a pipe or socket open that the program could close: whoever reads its
 * output must see the end when the program ends it. Those are known by what they are.
 */
#pragma once

#include "res/res.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct streams {
	struct {
		bool open; /* our caller gave us one */
		bool released; /* we hold it no longer */
		uint64_t dev, ino;
	} at[3];
};

/* What our caller gave us. (main puts something close-on-exec where a stream was closed.) */
void streams_note(struct streams *s);

/* The program has its copies: let go of pipes and sockets. */
void streams_release(struct streams *s);

/* The streams are what process @pid has as its 0, 1 and 2 (adopt). */
void streams_of_program(struct streams *s, pid_t pid);

/* For a checkpoint: what came from outside. */
void streams_tell(const struct streams *s, struct res_stream streams[3]);
