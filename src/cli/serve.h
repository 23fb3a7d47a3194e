/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to a program that has ended: what launch, run and restart have in common.
 *
 * The one rule: once the program has started, how it ends is how this process ends.
 */
#pragma once

#include "coord/agent.h"

/*
 * How it has ended, and for AGENT_END_PROGRAM its wait(2) status. Called before anybody who waits learns
 * of it; returns the wait(2) status that they are to learn.
 */
typedef int serve_ended_fn(void *data, enum agent_end end, int wait_status);

/*
 * Start @argv under an agent and serve it. Returns 126, 127 (said on standard error), or -errno where
 * it was not started; otherwise does not return. @ended may be NULL.
 */
int serve_program(const struct agent_options *options, char *const *argv, serve_ended_fn *ended,
		  void *data, struct err *err);

/*
 * Have the agent of computation @name (NULL: the only one) start @argv beside what it has, and be its front.
 * Returns as serve_program.
 */
int join_program(const char *name, char **argv, struct err *err);

/* Serve what @agent has until it ends; does not return. */
void serve_to_end(struct agent *agent, serve_ended_fn *ended, void *data) __attribute__((noreturn));
