/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that keeps signals from a job's script (job/script.h): its tracer, which lets all pass but
 * those.
 *
 * The one rule: when it is killed, or errs, the script goes on as if it had never been there.
 */
#pragma once

#include "job/script.h"

/* For the `cairn run` of process @run. 0 or -errno goes to @line, then it is closed. */
void keeper_run(const struct script *s, pid_t run, int line) __attribute__((noreturn));
