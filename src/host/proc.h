/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of /proc/PID: whole ones, and single fields of status for those who need no more than that.
 *
 * The one rule: a process that is gone has no fields; only proc_read says why it failed.
 */
#pragma once

#include "base/err.h"
#include "procfs/stat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The text of @field ("TracerPid") of @pid (0: ourselves), without blanks in front. */
bool proc_status_text(pid_t pid, const char *field, char *value, size_t size);

/* Its number in @base (16 for masks), or @otherwise. */
uint64_t proc_status_number(pid_t pid, const char *field, int base, uint64_t otherwise);

/* Have we capability number @cap now? */
bool proc_has_cap(unsigned int cap);

/*
 * What wait(2) would have said of a process that has ended and been waited for, by a pidfd for it; -1 where
 * the kernel does not tell (before Linux 6.15).
 */
int proc_pidfd_status(int pidfd);

/* End this process, which has one thread, as @wait_status of wait(2) says: blocked signals, too. */
void proc_end_like(int wait_status) __attribute__((noreturn));

/* The state letter ('R', 'S', 'T', 'Z', ...), or 0 where the process is gone. */
char proc_state(pid_t pid);

/* Has it not ended? Its first thread may have, while others go on. */
bool proc_lives(pid_t pid);

/* What wait(2) will say of a zombie; -1 where the process is gone. */
int proc_exit_code(pid_t pid);

/*
 * The value of the next variable from *@at on, in the text of environ that ends at @end, that begins as one
 * of the @n @names does: "PWD=/", with the beginning of the value. NULL: none.
 */
const char *proc_next_variable(const char **at, const char *end, const char *const *names,
			       size_t n);

/* /proc/@pid/stat. */
int proc_stat(pid_t pid, struct stat_line *stat, struct err *err);

/* All of /proc/@pid/@name, NUL-terminated, for the caller to free; *@len without the NUL. */
int proc_read(pid_t pid, const char *name, char **text, size_t *len, struct err *err);

/*
 * The same of a file that the kernel writes in one go (status, statm, auxv, those of one number; not maps):
 * what is read at once is all of it, and nobody has to be asked whether there is more.
 */
int proc_read_record(pid_t pid, const char *name, char **text, size_t *len, struct err *err);
