/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often to checkpoint: as seldom as the loss allows, as often as the cost does.
 *
 * The one rule: figures come from what was measured; until there are any, from what is usual.
 */
#pragma once

#include <stdint.h>

/*
 * Seconds between checkpoints that cost @cost_s each, where a failure is to be expected every @mtbf_s:
 * Daly's refinement of Young's sqrt(2 * cost * mtbf), without the cost itself. At least one, at most a day.
 */
unsigned int interval_best(double cost_s, double mtbf_s);

/*
 * Seconds from failure to failure, from a ledger's experience: @failures in @run_s seconds. Few failures
 * say little: one that has not come is counted at the end of a day.
 */
double interval_mtbf(double run_s, unsigned int failures);

/* What a checkpoint must be allowed to take, where the last took @cost_s: the next may be larger. */
double interval_allow(double cost_s);
