/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front: the process that the user's shell waits for after `cairn restart`, while the agent stands
 * elsewhere (with another id, perhaps in namespaces of its own). A line of messages joins the two.
 *
 * The one rule: the front owns nothing. It passes on what comes from outside, stops when the program stops,
 * ends as the program ended; if it is killed, the agent and the program go on (but not in a job).
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum front_type {
	FRONT_GONE = 0, /* never sent: the other end has closed */
	/* agent to front */
	FRONT_READY, /* the program runs; value 1: in a process group other than the front's */
	FRONT_STOPPED, /* by job control; value: the signal */
	FRONT_ENDED, /* value: the wait(2) status */
	FRONT_OUTLASTED, /* the same, and the agent goes on */
	FRONT_BUILT, /* may it run? Answered with FRONT_GO */
	FRONT_TAKEN, /* of what it needs somebody else has become the owner; it ends */
	/* front to agent */
	FRONT_SIGNAL, /* value: a signal for the program */
	FRONT_CONTINUE, /* continue the program; value 1: the terminal is its */
	FRONT_RESUMED, /* after FRONT_STOPPED: the front goes on, and the program without being told */
	FRONT_GO,
};

struct front_message {
	uint32_t type; /* enum front_type */
	int32_t value;
};

/* Agent: what has become of the root process, as waitpid(WUNTRACED) gave it. */
int front_send_status(int fd, int wait_status);
int front_send(int fd, enum front_type type, int value);

/*
 * Agent, when @fd is readable: the next message's type and value. FRONT_GONE: close @fd and go on without a
 * front. -EAGAIN: nothing there.
 */
int front_receive(int fd, int *value);

/* Where a rebuild is: written by the agent, read by the front; in memory shared by both. */
enum front_step {
	FRONT_STEP_BEGIN,
	FRONT_STEP_PROCESSES, /* are made, with descriptors and empty mappings */
	FRONT_STEP_MEMORY, /* is filled */
	FRONT_STEP_THREADS, /* and settings */
	FRONT_STEP_FINISH,
};

struct front_progress {
	uint32_t step; /* enum front_step */
	int32_t pid; /* the process that is waited for, as it sees itself; 0: none */
};

void front_progress_set(struct front_progress *p, enum front_step step, pid_t pid);

/* What is being built behind the line, for the front to clear away if nobody else is left to do so. */
struct front_building {
	const char *command; /* for messages */
	pid_t child; /* the agent, or process 1 of its namespaces: a child of the front; 0: runs already */
	bool namespace; /* the latter: with it ends all the rest */
	const pid_t *pids; /* of the program, as the front sees them; none in a namespace */
	size_t npids;
	int subreaper; /* was the front one, before front_begin? */
	/* For an agent that may be stopped: called when it ought to look. NULL: never. */
	void (*wake)(int line);
	/* Of a program that runs already: readable when it has ended, and the agent ought to look. */
	int ended;
	bool own_group; /* of such a program: FRONT_READY */
	bool ends; /* in a job: if the agent is killed, all of the program is */
	/*
	 * Of a rebuild: signal @signo, one of HUP, INT, QUIT, TERM or @stop_signals (bit n - 1), came before
	 * the program ran, and nothing is left of what was built. Returns the wait(2) status to end with.
	 * NULL: such signals are passed on.
	 */
	int (*given_up)(void *data, int signo);
	void *data;
	uint64_t stop_signals;
	/* When the agent had no time to: what does not end with the processes. NULL: there is nothing. */
	void (*clear)(const void *data);
	const void *clear_data;
	const struct front_progress *progress; /* NULL: not told */
};

/* Before anything is forked: orphans come to us from now on. What PR_SET_CHILD_SUBREAPER was before. */
int front_begin(void);

/*
 * Agent, before anything may run: is there still a front? From its answer on signals are the program's; those
 * that have come before, and do not end a rebuild, go to @signals (bit n - 1).
 */
int front_ask(int fd, uint64_t *signals, struct err *err);

/*
 * Be the front until the program has ended, and end like it; no sooner than the agent's id is free. If the
 * agent ends before the program runs, nothing of it remains.
 */
void front_serve(int fd, bool foreground, const struct front_building *building)
	__attribute__((noreturn));

/*
 * The same of a rebuild. Returns only after FRONT_TAKEN, with nothing left of what was built, @fd closed and
 * signals blocked as they were: it may be begun anew elsewhere.
 */
void front_rebuild(int fd, bool foreground, const struct front_building *building);
