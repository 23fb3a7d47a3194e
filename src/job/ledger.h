/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a job: its legs, what each has used of the wall time, what became of it. The file
 * `job.json` in the checkpoint directory, which is also what workflow managers look at.
 *
 * The one rule: it is written whole and renamed at every event, so that a leg that is lost with its node is
 * charged up to the last event or minute; and nothing depends on it but reports and the time account.
 */
#pragma once

#include "base/err.h"
#include "job/place.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ledger {
	int dirfd; /* of the checkpoint directory; the caller's */
	json_t *record;
	json_t *leg; /* the present one, in the record; NULL: none */
	int64_t start_ns; /* CLOCK_REALTIME; of the present leg */
	double used_before; /* seconds of all legs before */
};

/* A leg's end, in the word that the record has for it. */
extern const char ledger_stopped[], ledger_finished[], ledger_killed[], ledger_used_up[];

/* A damaged record is told on standard error, put aside and begun anew. */
int ledger_open(struct ledger *l, int dirfd, struct err *err);
void ledger_done(struct ledger *l);

/*
 * A new leg of the computation @name, of the command @argv, that began at @start_ns. One that has no end yet
 * is counted as lost.
 */
void ledger_begin(struct ledger *l, const char *name, char *const *argv, const struct place *place,
		  int64_t start_ns);
/* Its end, how: one of the words above; @exit_status < 0: none. */
void ledger_end(struct ledger *l, const char *how, int exit_status);

/* Write it; a failure is told on standard error, once. */
void ledger_write(struct ledger *l);

/* A number of the present leg or of the whole, as a checkpoint has made it. */
void ledger_set(struct ledger *l, const char *key, json_t *value);
void ledger_set_leg(struct ledger *l, const char *key, json_t *value);
void ledger_count(struct ledger *l, const char *key);

unsigned int ledger_legs(const struct ledger *l);
/* Legs that ended without having been told to. */
unsigned int ledger_failures(const struct ledger *l);
/* Seconds of wall time, the present leg's included. */
double ledger_used(const struct ledger *l);
/* Seconds wanted in all; 0: no limit. */
int64_t ledger_wanted(const struct ledger *l);
int64_t ledger_left(const struct ledger *l);

/* Is it the record of the command @argv, or of none yet? */
bool ledger_is_of(const struct ledger *l, char *const *argv);
/* That command, as one line for a message; malloc'd, NULL: none. */
char *ledger_command(const struct ledger *l);

/* Has the program ended by itself, and with which exit status? (The file `finished`.) */
bool ledger_is_finished(int dirfd, int *exit_status);
void ledger_finish(int dirfd, int exit_status);
/* Forget all of it: no legs, no end. */
void ledger_forget(struct ledger *l);
