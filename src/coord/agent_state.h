/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent from inside: what agent.c, children.c, request.c and round.c share.
 *
 * The one rule: all of it belongs to the main thread, which runs the loop and does the tracing; a
 * round's worker touches only what struct round says.
 */
#pragma once

#include "ckpt/notes.h"
#include "coord/agent.h"
#include "coord/control.h"
#include "coord/members.h"
#include "coord/rundir.h"
#include "coord/streams.h"
#include "host/signals.h"
#include "trace/park.h"

#include <stdbool.h>
#include <uv.h>

/* sigqueue's value with SIGCONT: wake up to answer a request, then stop again. */
enum { AGENT_WAKE = 0x4341524e };

struct round;
struct guest;

struct agent {
	struct agent_options options;
	char *ckpt_dir; /* absolute */
	struct streams streams;
	int64_t started_ns; /* CLOCK_REALTIME */

	uv_loop_t loop;
	uv_poll_t signal_poll, root_poll, front_poll, join_poll;
	uv_timer_t guest_timer;
	uv_timer_t interval, stop_timer, minute; /* schedule.c */
	/* decides, whenever nothing is left to do, whether we stop, go on or end */
	uv_prepare_t before;
	uv_timer_t again; /* woken: go round once more, then nobody may be there */
	struct signals signals;
	struct rundir rundir;
	struct control *control;
	bool loop_open, serving, served;

	pid_t root; /* 0: none yet */
	struct members older; /* children that we had before it: not left by it */
	bool child; /* of ours: wait(2) tells how it ends */
	bool own_group; /* root leads a group that we manage as a small shell would */
	int root_pidfd; /* of a root that is not our child */
	int root_status; /* of wait(2), once first_ended */
	int last_status; /* of the last root that has ended */
	bool root_ended; /* and all that had joined */
	bool first_ended; /* the first program; root is another one now, or has ended */
	struct joined *joined; /* programs started beside it (join.h) */
	int join_fd; /* where they come in */
	int root_stopped; /* the signal that stopped it, 0: it runs */
	int64_t stop_heard_ns; /* when a stop signal last came to us too */
	bool stop_due; /* stop ourselves after this turn */
	bool woken; /* by AGENT_WAKE */
	bool exec_failed;
	bool stopped_by_us; /* run: checkpointed and ended, as asked */
	bool killed; /* all of it, by us */
	bool handed_on; /* to a process that goes on in our place: nothing here is ours any more */
	bool unwaited; /* our front has been told of the end of the first process, and is gone */
	bool succeeds; /* we are that process: those at the top are strangers */
	bool leave; /* quit: end without the program */
	bool told_to_end; /* somebody has, by a signal: how it ends then is not its own end */
	bool asked_to_stop; /* run: to checkpoint and stop */
	int stop_tries; /* how many of those checkpoints have failed */
	int answer; /* wait status for those who wait for us, once agent_serve has returned */

	struct guest *guests; /* programs that speak to us (guests.h) */
	int64_t guest_ids, guest_rounds; /* so many there were */
	int64_t guests_asked_ns; /* CLOCK_MONOTONIC: watchers were asked; 0: not */

	struct park_memory *memory;
	struct notes notes;
	struct round *round; /* the checkpoint being made; NULL: none */
	struct round_request *waiting; /* for the next one */
	struct {
		uint32_t number; /* 0: none yet */
		char path[4096];
		int64_t at_ns; /* CLOCK_REALTIME */
		unsigned int made, failed;
		char error[ERR_MSG_MAX];
	} last;
};

int64_t agent_clock_ns(int clock);

/* Checkpoint every so often from now on; 0: only when asked. */
void agent_set_interval(struct agent *a, unsigned int seconds);

/* children.c: whatever has happened to our children; call when SIGCHLD has come. */
void children_look(struct agent *a);
void children_root_ended(struct agent *a, int wait_status);

/* @signo has come from outside, to us or to the front. */
void agent_heard(struct agent *a, int signo);

/* Deal with the signals that have come. */
void agent_read_signals(struct agent *a);

/* Is @signo one that we act on ourselves (stop_signals)? Then it has been. */
bool agent_takes_signal(struct agent *a, int signo);

/* Checkpoint, end the program, and end; @signo 0: because the time has come. */
void agent_ask_to_stop(struct agent *a, int signo);

/* The end of a process that is not our child, by its pidfd: 0 where the kernel does not tell. */
int agent_foreign_status(int pidfd);

/* The terminal, where the program has it, is ours again. */
void agent_take_terminal_back(const struct agent *a);

/*
 * outlast.c: the first process has ended. Others that it has left run on: then the computation goes on with
 * them, and whoever waits for us is told. True: go on serving.
 */
bool outlast(struct agent *a);

/* schedule.c: what happens by the clock, and who is told of it */
void schedule_open(struct agent *a);
void schedule_begin(struct agent *a); /* the program runs */
void schedule_plan(struct agent *a); /* anew, after a checkpoint */
void schedule_tell(struct agent *a, const struct agent_event *event);

/* front_line.c: all do nothing without a front. */
void front_line_open(struct agent *a); /* the program runs */
void front_line_let_go(struct agent *a); /* the program has ended; we go on */
bool front_line_stopped(struct agent *a, int signo); /* true: there is one, it deals with it */
/* Last of all: when the front ends, nothing of this computation is held any more. */
void front_line_end(struct agent *a);

/* To every process of the computation; how many there were. request.c */
size_t agent_kill_all(struct agent *a, int signo);
extern const struct control_ops request_ops;

/* round.c: checkpoints */
struct round_request {
	struct round_request *next;
	struct control_client *client; /* NULL: nobody waits for the answer */
	bool skip; /* as skip_uncontrolled, for this checkpoint */
	bool kill; /* end the program once it is committed */
	const char *reason; /* "request", "interval", "stop" */
	int64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
	bool expired; /* the deadline has passed and the client knows */
};

/* Take @request (malloc'd) over: into the next round, which begins at once if there is none. */
void round_request(struct agent *a, struct round_request *request);
/* Begin the next round, if one is wanted, none is being made and no guest is in the way. */
void round_next(struct agent *a);
/*
 * Refuse, with @err, the waiting requests whose deadline (CLOCK_MONOTONIC) is not after @now; those without
 * one only at INT64_MAX. Returns the earliest deadline of the others, or 0.
 */
int64_t round_refuse_waiting(struct agent *a, int64_t now, const struct err *err);
void round_client_gone(struct agent *a, struct control_client *client);
/* Does the present round hold the program, traced by us? */
bool round_holds(const struct agent *a);
