/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file for each process beside the checkpoint directory, for those who look for one (--restart-files): the
 * directory is ckpt_PROGRAM_ID_files, the first process's file ckpt_PROGRAM_ID.dmtcp, another's
 * ckpt_PROGRAM_ID-PID.dmtcp. Each says which directory it belongs to, and no more.
 *
 * The one rule: they appear, whole, only after a checkpoint is complete; without them the checkpoint is no
 * less complete.
 */
#pragma once

#include "coord/agent_state.h"
#include "ckpt/checkpoint.h"

/* Write those of @ckpt, and remove those of processes that it has not, if the agent's options want them. */
void restart_files_write(const struct agent *a, const struct ckpt *ckpt);
