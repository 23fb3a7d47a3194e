/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job that has been saved, and is to be queued again.
 *
 * The one rule: whatever becomes of it is said, and where it is not queued also how it goes on nevertheless.
 */
#pragma once

#include "job/slurm.h"

struct requeue {
	const char *job;
	const char *dir; /* with the checkpoints; NULL: the one that the container was given */
	/* One line for the job's log. */
	void (*say)(const void *data, const char *text);
	/* Called before it is queued, with what Slurm says of it; NULL: nothing is to be done. */
	void (*before)(void *data, const struct slurm_job *now);
	void *data;
};

/*
 * Slurm takes a job that was cancelled a moment ago for one to be queued again, if it is told to; and one
 * that gives way to another, or has lost its node, it queues by itself. Those are left to it.
 */
void requeue_job(const struct requeue *r);
