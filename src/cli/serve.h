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
 * In a job: the agent becomes a process of its own, in a group of its own, and this one its front. If one of
 * them is killed, alone or with the script's process group, the other one ends the program; and what else the
 * script had started, before it began us with exec, is none of the agent's.
 * Returns 0 in the agent, with its end of the line in *@line, for serve_program (a copy) and at the very end
 * serve_tell. Else -errno.
 */
int serve_apart(int *line, struct err *err);
/* The agent's last word, where the program was not started: exit status @status. Closes @line. */
void serve_tell(int line, int status);

/*
 * Have the agent of computation @name (NULL: the only one) start @argv beside what it has, and be its front.
 * Returns as serve_program.
 */
int join_program(const char *name, char **argv, struct err *err);

/* Serve what @agent has until it ends; does not return. */
void serve_to_end(struct agent *agent, serve_ended_fn *ended, void *data) __attribute__((noreturn));
