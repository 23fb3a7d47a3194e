/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of interrupted calls from one park to the next: which call a thread stands in, since
 * when, with which arguments before we changed any.
 *
 * The one rule: an entry is only believed where the thread's registers say that it is the same call.
 */
#pragma once

#include "trace/park.h"
#include "trace/tree.h"

struct memory_call {
	pid_t tid; /* 0: free */
	/* upper half of an argument while the call was let go with a changed one; 0: none */
	uint32_t tag;
	long nr;
	uint64_t pc, sp;
	uint64_t arg; /* the argument with the time-out as the program gave it */
	uint64_t changed; /* and as it was let go */
	int64_t deadline_ns; /* CLOCK_MONOTONIC; INT64_MAX: none */
	uint64_t park; /* which park saw it last */
};

enum { MEMORY_CODES = 32, MEMORY_DETOURS = 64 };

struct memory_code { /* where in a mapping of a file there is code that we can use (home.c); -1: none */
	uint64_t dev, ino, offset, size;
	int64_t insn, call, sigreturn;
};

struct park_memory {
	struct memory_call *calls; /* open addressing by tid; room is a power of two */
	size_t n, room;
	uint64_t park; /* counts them */
	uint32_t last_tag;
	struct memory_code codes[MEMORY_CODES];
	size_t next_code;
	struct memory_detour {
		pid_t pid;
		uint64_t code;
	} detours[MEMORY_DETOURS]; /* halfway.h */
	size_t next_detour;
	struct tree *lingering; /* let go, but could not be detached yet */
	size_t nlingering;
};

/* Take over what tree_release left. Without a memory it is given up. */
void memory_keep(struct park_memory *memory, struct tree *tree);

/* Forget them: a new park has taken over all that is attached. */
void memory_drop_lingering(struct park_memory *memory);

/* The entry of a thread, or NULL. */
struct memory_call *memory_find(struct park_memory *memory, pid_t tid);

/* The same, made where there is none (then zeroed but for the tid); NULL when out of memory. */
struct memory_call *memory_take(struct park_memory *memory, pid_t tid);

/* A number that no call has been marked with for long. */
uint32_t memory_tag(struct park_memory *memory);

/*
 * A restart lets thread @tid begin anew the call that @image stands before, with @left ns of its
 * time-out. The next park would take what it begins with for the whole of it: @begin, the registers
 * that it gets, are marked where the arguments do not tell, unless @filtered.
 */
void memory_expect(struct park_memory *memory, pid_t tid, const struct user_regs_struct *image,
		   struct user_regs_struct *begin, int64_t left, bool filtered);
/* All that is expected begins now. */
void memory_begin(struct park_memory *memory);

/* Where process @pid has code for detours (halfway.h); 0: nowhere. The oldest are forgotten. */
uint64_t memory_detour(const struct park_memory *memory, pid_t pid);
void memory_note_detour(struct park_memory *memory, pid_t pid, uint64_t code);
