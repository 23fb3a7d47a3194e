/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch system and a job that wants to go on have agreed upon: which signals mean "your time is up",
 * and which exit status means "start me again".
 *
 * The one rule: a batch system is a line in the table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct contract {
	const char *name;
	/* Variables of which one is there where this system has started us; NULL: never assumed. */
	const char *variables[3];
	uint64_t stop_signals; /* bit n-1: signal n */
	int stopped_status; /* checkpointed and stopped: start me again */
	bool scontrol; /* is told by scontrol as well, and tells limits */
	/*
	 * It may send these to every process of the job, not only to us; the program would end of them
	 * before it could be checkpointed, so it is started with them ignored.
	 */
	bool shield;
};

/* NULL: none of that name. */
const struct contract *contract_find(const char *name);

/* The one whose variables are set, else "plain". */
const struct contract *contract_guess(void);

/* "TERM,USR1,XCPU", also "SIGTERM" and "15", to a mask; false with the word that is none in *@bad. */
bool contract_signals(uint64_t *mask, const char *text, const char **bad);
