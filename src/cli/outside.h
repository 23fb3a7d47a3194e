/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside half of a job in a container: `cairn run -- podman run ... IMAGE cairn run -- PROGRAM`. The
 * inside half checkpoints, and ends with the status that means "start me again"; the batch system is out
 * here.
 *
 * The one rule: nothing here looks into the container; signals go in, the exit status comes out.
 */
#pragma once

#include "base/err.h"
#include "job/contract.h"

#include <stdbool.h>
#include <stdint.h>

struct outside {
	const struct contract *contract;
	uint64_t stop_signals; /* bit n-1: signal n; passed on */
	bool no_requeue;
};

/* Does @argv start a container? */
bool outside_is_meant(char *const *argv);

/*
 * Run it to its end. The exit status, or -errno: it could not be started, or there is no cairn in it, so
 * that all its work would be lost with this leg.
 */
int outside_run(const struct outside *o, char *const *argv, struct err *err);
