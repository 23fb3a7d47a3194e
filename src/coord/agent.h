/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: the process behind launch, restart, run and adopt. Parent and subreaper of the
 * computation; takes checkpoints when asked; passes signals, stops and the exit status through.
 *
 * The one rule: whatever happens to the agent, the program runs on (but not in a job); whatever happens to
 * the program is passed on as it happened.
 */
#pragma once

#include "base/err.h"
#include "contract/image_format.h"
#include "res/policy.h"
#include "trace/park.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What happens to a computation, for those who keep a record of it (run). */
struct agent_event {
	enum agent_event_kind {
		AGENT_EVENT_CHECKPOINT, /* a generation is complete: all below but error */
		AGENT_EVENT_FAILED, /* it is not: reason, stopping, error */
		AGENT_EVENT_STOP, /* signo (0: the time has come) asks for checkpoint and end */
		AGENT_EVENT_TICK, /* a minute has passed */
	} kind;
	const char *reason; /* "request", "interval", "stop" */
	bool stopping; /* the program ends with this checkpoint */
	bool given_up; /* it was to end with it, and is not tried again */
	uint32_t generation;
	unsigned int processes;
	uint64_t image_bytes;
	int64_t took_ns, pause_ns;
	const char *error;
	int signo;
	bool caught; /* the first process of the program has a handler for it */
};

/* What is to happen by itself. */
struct agent_plan {
	unsigned int interval_s; /* from checkpoint to checkpoint; 0: none */
	int64_t stop_at_ns; /* CLOCK_REALTIME: checkpoint and stop; 0: not by ourselves */
};

/* Called on the agent's main thread, between its other duties: not for long. */
struct agent_hooks {
	void (*event)(void *data, const struct agent_event *event);
	/* When it begins to serve and after each checkpoint; @plan holds what the options say. */
	void (*plan)(void *data, struct agent_plan *plan);
	void (*status)(void *data, json_t *status); /* add to the answer of `cairn status` */
};

struct agent_options {
	const char *name; /* of the computation; NULL: made from the program's name and pid */
	const char *ckpt_dir; /* NULL: ./cairn-NAME */
	unsigned int interval_s; /* 0: only when asked */
	unsigned int keep; /* generations; 0: all */
	enum img_codec codec;
	int level, workers;
	bool close_outside; /* TCP connections with outside are reset at a restart, not refused */
	bool skip_uncontrolled; /* processes that may not be traced do not stand in the way */
	bool outside_given,
		skip_given; /* somebody has said so now: a restart need not look it up */
	struct res_policies policies; /* for files; ours for as long as the agent lives */
	/* Line to a front process (restart/front.h), which we own once the agent is open; or -1. */
	int front_fd;
	const char *restart_script; /* written with each checkpoint; NULL: none */
	bool restart_files; /* with each checkpoint, where its directory is called as DMTCP does */
	/* what it runs, with the checkpoint directory; NULL: cairn restart */
	const char *restart_command;
	const char *restarted_from; /* the generation; NULL: launched or adopted */
	uint32_t restarted_number; /* its number */
	char *const *env; /* what the restart has set, NAME=VALUE; NULL: nothing */
	/* run; bit n-1 is signal n */
	uint64_t stop_signals; /* on these: checkpoint, end the program, and end */
	uint64_t ignored_signals; /* the program is started with these ignored */
	uint64_t held_signals; /* our caller blocks these already, but not for the program */
	bool outlasts; /* the program may leave processes behind: the computation goes on with them */
	bool ends_with_front; /* in a job: when front or agent are killed, so is the program */
	const struct agent_hooks *hooks; /* NULL: none */
	void *hooks_data;
};

struct agent;

/* Make run directory and control socket, become subreaper. Before the program is started. */
int agent_open(struct agent **agent, const struct agent_options *options, struct err *err);
void agent_close(struct agent *agent);

/* Start @argv as the computation's first process. -errno of execvp comes back as an error. */
int agent_spawn(struct agent *agent, char *const *argv, struct err *err);
/* Was it exec itself that failed, so that a shell's 126 or 127 is the answer? */
bool agent_exec_failed(const struct agent *agent);

/* Take a tree that already exists: restored, or adopted (then not our child). */
int agent_take(struct agent *agent, pid_t root, bool child, struct err *err);
/* After agent_take: a child of ours that had been started beside the root, and whose end is waited for. */
int agent_take_joined(struct agent *agent, pid_t pid, struct err *err);

/* After a restart: what is known of calls that wait with a time-out. Its owner from now on. */
void agent_take_memory(struct agent *agent, struct park_memory *memory);

enum agent_end {
	AGENT_END_PROGRAM, /* the root process has ended */
	AGENT_END_STOPPED, /* a stop signal was taken up: checkpointed, and ended by us */
	/* The same, and a process of ours goes on with those that it has left; agent_close is its. */
	AGENT_END_HANDED_ON,
	AGENT_END_LEFT, /* asked to leave: the program runs on */
};

/* Serve until the root process has ended; its wait(2) status goes to @wait_status. */
enum agent_end agent_serve(struct agent *agent, int *wait_status);

/* What whoever waits for us is to see instead of the program's end: @wait_status of wait(2). */
void agent_answer(struct agent *agent, int wait_status);

/* End this process the way @wait_status says: same exit code, or death by the same signal. */
void agent_exit_like(int wait_status) __attribute__((noreturn));
