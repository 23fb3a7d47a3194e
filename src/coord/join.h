/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that join a computation (`cairn launch --join`): the one who is called hands its program to the
 * agent, which starts it as a child of its own, and becomes its front (restart/front.h).
 *
 * The one rule: the agent is parent of all that belongs to a computation, so what joins needs nothing
 * special at a checkpoint or a restart; only its end and its streams are somebody else's.
 */
#pragma once

#include "base/err.h"
#include "ckpt/checkpoint.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	JOIN_VERSION = 1,
	JOIN_SIGNALS = 64,
	JOIN_LIMITS = 16,
	JOIN_CPU_WORDS = 16,
	JOIN_BYTES_MAX = 16 << 20, /* more than execve takes */
};

/* The descriptors that come with the one message to join.sock. */
enum join_fd { JOIN_STDIN, JOIN_STDOUT, JOIN_STDERR, JOIN_CWD, JOIN_PROGRAM, JOIN_FDS };

/* What JOIN_PROGRAM, a memfd, holds: this and @bytes of texts, each with its NUL. */
struct join_program {
	uint32_t version, bytes;
	uint32_t argc, envc; /* texts: the file to execute, @argc arguments, @envc variables */
	uint32_t closed; /* bit n: stream n was closed */
	uint32_t umask;
	int32_t nice;
	uint32_t reserved;
	uint64_t ignored, blocked; /* signals: bit n - 1 is signal n */
	uint64_t cpus[JOIN_CPU_WORDS]; /* may run on these; all 0: not known */
	struct {
		uint64_t soft, hard;
	} limits[JOIN_LIMITS];
};

/* The agent's answer; after a good one the connection is the line between agent and front. */
struct join_answer {
	int32_t num; /* errno, 0: it runs */
	uint32_t exec_failed; /* it was exec that failed: a shell's 126 or 127 is the answer */
	int32_t pid;
	uint32_t own_group; /* in a process group that its front is not in */
	char msg[ERR_MSG_MAX];
};

struct agent;
struct joined;
struct members;

/* Listen on join.sock. Before the loop runs; join_close after it has closed its handles. */
int join_open(struct agent *a, struct err *err);
void join_close(struct agent *a);

/* In a copy of the process that had opened it: those who connect are shown who listens. */
void join_listen_again(struct agent *a);

/* A program of a restarted computation that had joined; it has no front now. */
int join_take(struct agent *a, pid_t pid, struct err *err);

/* All of them are children of somebody else from now on. */
int join_be_strangers(struct agent *a, struct err *err);

/* All of the computation at this moment; members_done ends it. */
void join_members(const struct agent *a, struct members *members);

/* What has become of them; call when SIGCHLD has come. */
void join_look(struct agent *a);

/* Somebody is at the door, and has not handed over a program yet. */
bool join_is_coming(const struct agent *a);

bool join_is_joined(const struct agent *a, pid_t pid);
/* The end of a child of ours, if it is one of these: its front ends likewise. */
void join_ended(struct agent *a, pid_t pid, int wait_status);
/* The longest here of those that run; 0: none. */
pid_t join_first(const struct agent *a);
size_t join_count(const struct agent *a);
void join_add_pids(const struct agent *a, json_t *array);

/* For a checkpoint: whose streams came from outside, and who they are. Borrowed by @o. */
struct join_told {
	struct res_stream *streams;
	pid_t *pids;
};
int join_tell(const struct agent *a, struct ckpt_options *o, struct join_told *told,
	      struct err *err);
void join_told_done(struct join_told *told);
