/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controlling terminal: who is in its foreground, and handing that over.
 *
 * The one rule: only a process group that is in the foreground gives it away, so a job that
 * the user has put into the background never takes the terminal.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Is there a controlling terminal, with our process group in the foreground? */
bool terminal_is_ours(void);

/* The foreground group, or -1 without a controlling terminal. */
pid_t terminal_foreground(void);

/* Put @group into the foreground. SIGTTOU must be blocked. Nothing happens without a terminal. */
void terminal_give(pid_t group);

/*
 * Stop this process with @signo as @program was stopped, so that a shell sees it; returns when it is
 * continued, at once where that has come to the program already.
 */
void terminal_stop_self(int signo, pid_t program);
