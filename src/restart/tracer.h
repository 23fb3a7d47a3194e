/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's hold on the processes it builds: seized from birth, stopped when a part of the plan is done,
 * told apart from those that failed.
 *
 * The one rule: all of it from one thread, and until tracer_release nothing of the program has run and
 * everything dies with us.
 */
#pragma once

#include "restart/child.h"

#include <stdbool.h>
#include <sys/types.h>

struct tracer_process {
	pid_t pid;
	bool born; /* there, and ours to kill if this fails */
	bool stopped; /* has come to the end of a part of its plan */
	bool ended; /* one that had ended, and has again */
};

struct tracer {
	struct child_context *context;
	struct tracer_process *at; /* one per image */
	size_t n;
	/*
	 * Seccomp filters do not count before tracer_release (trace/suspend.h): not for processes, nor for
	 * their threads, which are traced from birth then.
	 */
	bool suspends;
	long options; /* PTRACE_O_* */
	pid_t maker; /* of the agent's children, where there are several; 0: none */
	bool maker_runs; /* until then what it made is not our child */
	size_t maker_board; /* where it leaves its errors */
	struct front_progress *progress; /* whom we wait for; borrowed, NULL: nobody asks */
};

int tracer_init(struct tracer *t, struct child_context *context, struct err *err);
/* Kill what is left, wait for it, free. */
void tracer_done(struct tracer *t);

/* Fork the processes whose parent is this one, seize them, and let all of them begin. */
int tracer_start(struct tracer *t, struct err *err);

/* Wait until every process has stopped, and is a child of its parent; says why one could not. */
int tracer_await(struct tracer *t, struct err *err);

/* Let all go on to the next part of their plans. */
int tracer_continue(struct tracer *t, struct err *err);

/* Stop all threads but the leader, which is stopped; seize those that are not traced yet. */
int tracer_stop_threads(struct tracer *t, size_t index, struct err *err);

/* Let everything go: what has been built lives from here on. */
void tracer_release(struct tracer *t);
