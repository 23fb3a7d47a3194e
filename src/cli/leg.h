/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg of a job: what `cairn run` does besides running the program. It keeps the record, watches the clock,
 * says what happens, and tells the batch system what is to follow.
 *
 * The one rule: the program comes first. Whatever fails here is said in one line, and the program runs on.
 */
#pragma once

#include "coord/agent.h"
#include "job/contract.h"
#include "job/ledger.h"
#include "job/lock.h"
#include "job/place.h"
#include "job/slurm.h"

#include <stdbool.h>
#include <stdint.h>

struct leg_options {
	const struct contract *contract;
	uint64_t stop_signals; /* bit n-1: signal n; 0: the contract's */
	unsigned int lead_s; /* from the batch system's signal to the end; 0: unknown */
	unsigned int wait_s; /* for another run with the same directory */
	int64_t walltime_s; /* of this leg; 0: as the batch system says */
	int64_t total_s; /* of all legs; 0: as the job's comment says, else no limit */
	double mtbf_s; /* 0: learnt */
	bool interval_auto;
	bool no_requeue;
	const char *prometheus; /* a file; NULL: none */
};

struct leg {
	struct leg_options options;
	struct place place;
	const char *dir; /* with the checkpoints; borrowed */
	struct lock lock;
	struct ledger ledger;
	struct slurm_job slurm;
	bool comment_is_time; /* the job's comment counts the wall time that is left */
	bool asked_to_stop;
	bool signal_caught; /* by the program: it may end by itself of what asked us to stop */
	bool told_lead;
	bool no_scontrol; /* in a container without Slurm's commands */
	int64_t start_ns, end_ns; /* CLOCK_REALTIME; end 0: unknown */
	double cost_s; /* of a checkpoint, as the last one showed; 0: unknown */
	uint32_t generation; /* made by this leg or gone on from; 0: none */
};

extern const struct agent_hooks leg_hooks; /* their data: the struct leg */

/*
 * Take checkpoint directory @dir, for a command with that mark (lock_open). Undone by leg_close, safe on a
 * zeroed one with LOCK_INIT.
 */
int leg_open(struct leg *leg, const char *dir, unsigned int mark, struct err *err);
void leg_close(struct leg *leg);

/* Before the program is started: ask the batch system what there is to know, open the account. Keeps @dir. */
void leg_begin(struct leg *leg, const char *name, const char *dir, char *const *argv);

/* It did not come to run: there is nothing to go on from, and nothing to queue again for. */
void leg_not_started(struct leg *leg);

/* A serve_ended_fn (cli/serve.h). */
int leg_ended(void *data, enum agent_end end, int wait_status);
