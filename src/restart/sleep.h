/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls with a time-out that a restart begins anew: they wait for what was left of it.
 *
 * The one rule: the caller's own variables are not changed where the call does not change them itself; a
 * shorter time is put where the thread's stack has free room, and the argument made to point there.
 */
#pragma once

#include "image/model.h"

#include <sys/user.h>

/* @regs stand before the call. Nothing happens where the time left is not known. */
void sleep_shorten(pid_t pid, const struct img_thread *t, struct user_regs_struct *regs);
