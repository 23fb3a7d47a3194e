/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that runs, plainly or below Cairn, on pipes of ours.
 *
 * The one rule: what must not happen ends the driver: everything below it is killed, the reason said
 * once, and the exit status is 1 (or 77 where the program itself asked to be skipped).
 */
#pragma once

#include "lib/bytes.h"

#include <stdbool.h>
#include <sys/types.h>

enum { PROGRAM_SKIP = 77 };

struct program {
	pid_t pid;
	int in, out;
	int log; /* what it says goes there too; -1: nowhere */
	struct bytes said; /* and nobody has taken yet */
};

/* Start @argv in @dir (NULL: here). @log is borrowed. */
struct program program_start(const char *const *argv, const char *dir, int log);

void program_tell(struct program *p, char word);

/*
 * Wait for output that matches @pattern (an extended regular expression; ^ and $ stand at lines), take
 * everything up to its end. Returns the number in the pattern's group, 0 without one.
 */
long program_await(struct program *p, const char *pattern, const char *what);

/* Let it run on until @seconds have passed. */
void program_await_time(struct program *p, double seconds, const char *what);

/* Wait for its end, which must be a good one. */
void program_finish(struct program *p, const char *what);

/* SIGKILL to it and to all that is below us; wait for its end. */
/* True if what it had said since the last match, until it was killed, matches @pattern (NULL: no). */
bool program_kill(struct program *p, const char *pattern);

/* End the driver: kill all, say why, exit(1). */
void program_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
