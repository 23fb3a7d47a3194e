/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script that restarts a computation from its newest checkpoint, for those who look for one
 * (--restart-script).
 *
 * The one rule: it appears, whole, only after a checkpoint is complete; without it the checkpoint is no less
 * complete.
 */
#pragma once

#include "coord/agent_state.h"

#include <stdint.h>

/* Write it, if the agent's options want one. @taken_ns: when the checkpoint was taken, CLOCK_REALTIME. */
void restart_script_write(const struct agent *a, int64_t taken_ns);

/*
 * The program has ended by itself: note that beside its checkpoints, if there are any, so that whoever runs
 * the script does not run it again.
 */
void restart_script_finish(const struct agent *a);
