/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart of one agent's tree from the images of one generation.
 *
 *	restart_check	is all there that it needs?
 *	ids_place	step to where the old ids are free: returns in the agent-to-be
 *	restart_build	make everything, let it go
 *	front_send	tell the front (restart/front.h), then serve
 *
 * The one rule: nothing of the program runs before everything is rebuilt and checked; if anything fails,
 * or if this process dies, all that was built so far ends with it.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"
#include "trace/park.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How ids come back; see DESIGN in docs. */
enum ids_strategy { IDS_AUTO, IDS_DIRECT, IDS_NAMESPACE, IDS_CYCLE };

struct front_progress;

struct restart_options {
	enum ids_strategy strategy;
	int workers; /* 0: one per core */
	int std_fds[3]; /* the streams that the program gets in the place of those outside */
	bool ends; /* in a job: if agent or front is killed, so is the program */
	char *const *env; /* NAME=VALUE to set in the program's environment; NULL: none */
	/* In the process that was called, when a signal ends the rebuild: struct front_building. */
	int (*given_up)(void *data, int signo);
	void *data;
	uint64_t stop_signals;
};

/* Where the agent stands. */
struct restart_place {
	enum ids_strategy strategy; /* the one that was taken */
	int front_fd; /* the agent's end of the line to the front; it closes it. -1: no front */
	bool foreground; /* the front had the terminal: restart_build hands it to the program */
	struct front_progress *progress; /* for the front to read; NULL: it does not */
};

struct restart_result {
	pid_t root; /* the first process, as this process sees it */
	uint64_t memory_bytes;
	int64_t build_ns, fill_ns, total_ns;
	struct park_memory *calls; /* that wait for what was left of their time; the caller's */
};

/*
 * Check, before anything is started, that the images can run here: CPU features, page size, files
 * present and unchanged. The first things that are wrong are listed in @err by name.
 */
int restart_check(struct image_reader *const *images, size_t n,
		  const struct restart_options *options, struct err *err);

/*
 * Step into the place where the old ids are free. Returns 0 in a new process that is to be the agent (with
 * the root's old parent id, where it has one). The process that called becomes the front and never
 * returns; on failure it returns -errno and nothing has happened.
 */
int ids_place(struct image_reader *const *images, size_t n, const struct restart_options *options,
	      struct restart_place *place, struct err *err);

/* The word for a strategy: "direct", "namespace", ... */
const char *ids_strategy_name(enum ids_strategy strategy);

/* Build everything and let it go. Call after ids_place, in the agent, from its only thread. */
int restart_build(struct image_reader *const *images, size_t n,
		  const struct restart_options *options, const struct restart_place *place,
		  struct restart_result *result, struct err *err);
