/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls made by a stopped thread on our behalf, and its process's memory.
 *
 * The one rule: between remote_open and remote_close all signals of the thread are blocked, and
 * remote_close leaves it in the same stop, with the same registers and mask, as it was found in.
 */
#pragma once

#include "base/err.h"
#include "trace/home.h"
#include "trace/tracee.h"

#include <stdint.h>
#include <sys/user.h>

struct remote {
	struct tracee *tracee;
	uint64_t insn; /* where in the process a system call instruction stands */
	struct home home;
	struct user_regs_struct saved;
	uint64_t sigmask;
	bool open;
};

/* @thread is what the park knows of @t, @places what its maps have told; @memory may be NULL. */
int remote_open(struct remote *r, struct tracee *t, const struct park_thread *thread,
		const struct home_places *places, struct park_memory *memory, struct err *err);
void remote_close(struct remote *r);

/* In two steps, between which it runs: so that many can at once. */
void remote_close_begin(struct remote *r);
void remote_close_end(struct remote *r);

/*
 * Make one call. The result (>= 0 or -errno) goes to @result; the return value says whether
 * the call could be made at all.
 */
int remote_call(struct remote *r, long nr, const uint64_t args[6], long *result, struct err *err);

/* In three steps, between which it runs. After one that fails there is no next. */
int remote_call_begin(struct remote *r, long nr, const uint64_t args[6], struct err *err);
int remote_call_enter(struct remote *r, struct err *err);
int remote_call_end(struct remote *r, long *result, struct err *err);

/*
 * Wait for the next stop of a tracee that has been let run; its wait status goes to @status. -ESRCH where it
 * has ended.
 */
int remote_wait(struct tracee *t, int *status, struct err *err);

int remote_read(pid_t pid, uint64_t addr, void *buf, size_t size, struct err *err);
int remote_write(pid_t pid, uint64_t addr, const void *buf, size_t size, struct err *err);

/* Several pieces by one call. */
struct remote_piece {
	uint64_t addr;
	void *buf; /* only read, where pieces are written */
	size_t size;
};
enum { REMOTE_PIECES = 4 }; /* at most */
int remote_read_pieces(pid_t pid, const struct remote_piece *pieces, size_t n, struct err *err);
int remote_write_pieces(pid_t pid, const struct remote_piece *pieces, size_t n, struct err *err);
