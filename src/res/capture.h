/* SPDX-License-Identifier: Apache-2.0 */
/* What capturing descriptors has for kinds that look again when all processes have been seen. */
#pragma once

#include "res/res.h"

#include <sys/types.h>

/* A pidfd for @pid, which may be a thread other than the leader, where the leader has ended. */
int capture_pidfd(pid_t pid);

/* What fdinfo says of @seen now: what changes by itself while the program stands (a timer, a count). */
int capture_look_again(const struct res_seen *seen, struct fdinfo *info, struct err *err);
