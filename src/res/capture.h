/* SPDX-License-Identifier: Apache-2.0 */
/* What capturing descriptors has for kinds that look again when all processes have been seen. */
#pragma once

#include <sys/types.h>

/* A pidfd for @pid, which may be a thread other than the leader, where the leader has ended. */
int capture_pidfd(pid_t pid);
