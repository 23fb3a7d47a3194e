/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way home of a thread that makes system calls for us before and after the probe is there: code of the
 * program's own, by which it would return to where it was if we died in the middle.
 *
 * The one rule: where there is no safe way, there is none: the calls are made all the same, and only our
 * own death in these microseconds would hurt.
 */
#pragma once

#include "base/err.h"
#include "procfs/maps.h"
#include "trace/park.h"

#include <stdbool.h>
#include <stdint.h>

enum { HOME_PLACES = 8 };

/* What the maps of a process tell: where there may be code to borrow, and where its main stack is. */
struct home_places {
	struct home_place {
		uint64_t start, end, offset, dev, ino;
	} at[HOME_PLACES]; /* those of libc first: it has everything */
	size_t n, nlibc;
	bool more; /* there are others */
	uint64_t stack_start, stack_end;
	/*
	 * Up to where that stack is unused, for other threads than the leader, whose frames may go there
	 * as well: its stack pointer; 0: not known.
	 */
	uint64_t leader_sp;
};

/* Mapping @vma of the process, if it is such. To be told of each once. */
void home_note(struct home_places *places, const struct maps_vma *vma);

/* All of thread @tid's process. */
int home_note_all(struct home_places *places, pid_t tid, struct err *err);

struct home {
	uint64_t insn; /* a system call instruction, always */
	uint64_t stack; /* stack pointer for calls: a frame stands there; 0: none */
	uint8_t *old; /* what was there before */
	size_t size;
	pid_t tid;
};

/*
 * Find the code and place the frame for thread @t, the leader of its process unless there is none.
 * @regs and @sigmask are those of the thread. @places: NULL: not known yet.
 */
int home_open(struct home *home, const struct park_thread *t, bool leader,
	      const struct user_regs_struct *regs, uint64_t sigmask,
	      const struct home_places *places, struct park_memory *memory, struct err *err);

/* Put back what stood there. */
void home_close(struct home *home);
