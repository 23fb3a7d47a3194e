/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the program: fork and exec, and nothing else that it could notice.
 *
 * The one rule: the program begins with exactly the environment, descriptors, signal mask and
 * dispositions that we were started with, but for the signals that its options have it ignore.
 */
#pragma once

#include "base/err.h"
#include "coord/agent.h"
#include "host/signals.h"

#include <stdbool.h>

/*
 * With stop_signals: the leader of a process group, in the terminal's foreground if we are there.
 * -errno of exec, as execvp(3) finds it, when the program could not be started.
 */
int spawn_program(pid_t *pid, char *const *argv, const struct signals *signals,
		  const struct agent_options *options, struct err *err);
