/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids where none may be chosen. The kernel hands them out one after the other and begins again at the end,
 * so whoever makes and ends threads until the wanted id is next has it.
 *
 * The one rule: others take ids as well, so what was born is looked at, and born again if it is not the one.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* Ids below this one never come round again: the kernel begins anew above them. */
enum { CYCLE_LOWEST = 300 };

/*
 * fork with id @want: as spawn_fork. @last: the id that was handed out last, if that is known, else 0.
 * -EBUSY: others took it each time that it came round.
 */
pid_t cycle_fork(pid_t want, pid_t last, uint64_t flags, int exit_signal);

/* A thread started on the stack that ends at @top, which ends by itself if its id is not @want. */
struct cycle_thread {
	pid_t want, last; /* as of cycle_fork */
	void *top;
	void (*entry)(void *, void *);
	void *a, *b; /* for @entry */
	uint32_t *state; /* enum plan_early; a futex */
};

/* Start it, again and again until the id is right and it waits in @entry. */
int cycle_start(const struct cycle_thread *t);

/* Go on until the next id is a high one, so that those of our children come round again. */
void cycle_leave_low(void);

/* Can @id come round from here? */
int cycle_check(pid_t id, struct err *err);
