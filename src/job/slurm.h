/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slurm, asked and told through its own `scontrol`.
 *
 * The one rule: nothing here is needed for a program to run and be checkpointed; whoever calls says in one
 * line what could not be had. Never called while processes of the computation are being looked for:
 * scontrol would be taken for one.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct slurm_job {
	bool known; /* all below is as scontrol says */
	bool batch; /* has a script */
	bool requeue; /* may be queued again */
	/* Or ended by its time limit or its script; not cancelled, not being queued again already. */
	bool running;
	int64_t limit_s; /* of this leg; 0: unlimited */
	int64_t start_s, end_s; /* CLOCK_REALTIME; 0: unknown */
	char comment[128];
};

int slurm_ask(struct slurm_job *job, const char *id, struct err *err);
int slurm_requeue(const char *id, struct err *err);
int slurm_set_comment(const char *id, const char *comment, struct err *err);
/* For the next legs. An owner may only lower it; Slurm counts in minutes, and rounds up. */
int slurm_set_limit(const char *id, int64_t seconds, struct err *err);
