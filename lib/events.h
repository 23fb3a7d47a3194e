/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks before and after a checkpoint, in a thread that waits for what the agent says.
 *
 * The one rule: after each "before" comes one "after", whatever becomes of the agent.
 */
#pragma once

/* Is this thread running a hook? */
int cairn_events_in_hook(void);
