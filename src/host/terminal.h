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

/* Put @group into the foreground. Nothing happens without a terminal. */
void terminal_give(pid_t group);

/* Is there no reason to stop any more? */
typedef bool terminal_over_fn(const void *data);

/*
 * Stop this process with @signo, as a program was stopped, so that a shell sees it; returns when it is
 * continued, at once where a SIGCONT has come already or it is @over. SIGCONT must be blocked, and whatever
 * ends the reason later must send one.
 */
void terminal_stop_self(int signo, terminal_over_fn *over, const void *data);
