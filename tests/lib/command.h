/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start programs as a shell would, and run short ones to their end.
 *
 * The one rule: a child starts clean: no signal blocked or ignored by us, no descriptor but 0, 1, 2.
 */
#pragma once

#include "lib/bytes.h"

#include <stdint.h>
#include <sys/types.h>

enum { COMMAND_ABSENT = 127 }; /* exit status when the program cannot be executed */

/* In a child: stand in @dir (NULL: stay), become @argv. */
void command_exec(const char *const *argv, const char *dir) __attribute__((noreturn));

/*
 * Run @argv in @dir (NULL: here) with nothing to read. What it says goes to @said (NULL: is lost).
 * Returns its wait status, or -1 if it had to be killed after @seconds (0: no limit).
 */
int command_run(const char *const *argv, const char *dir, unsigned int seconds, struct bytes *said);

/* rm -rf */
void command_remove(const char *path);

/* Now, in ns; CLOCK_MONOTONIC. */
int64_t command_now(void);

/* What is left until @deadline (of command_now) in ms for poll(2), rounded up; 0 when it has passed. */
int command_ms_until(int64_t deadline);

/* "with exit status 3", "by signal 9"; the caller frees it. */
char *command_describe(int status);
