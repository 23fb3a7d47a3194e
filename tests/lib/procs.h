/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes as /proc shows them: who is below whom, and what they are called.
 *
 * The one rule: a process may be gone at any moment; that is an answer, never an error.
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

struct procs {
	pid_t *pid;
	size_t n;
};

/* The processes below @root, parents first, without zombies. Released by procs_done. */
struct procs procs_below(pid_t root);
void procs_done(struct procs *p);

/*
 * The text of /proc/... named by @fmt, NULs as blanks, without white space at its end; "(reason)" if
 * it cannot be read. The caller frees it.
 */
char *procs_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "PID NAME [COMMAND LINE]"; the caller frees it. */
char *procs_describe(pid_t pid);

/* Write to @out where every thread of @pid stands: states, system calls, kernel and user stacks. */
void procs_dump(pid_t pid, FILE *out);
