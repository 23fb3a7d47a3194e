/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restartable sequences (rseq(2)): code of a thread that is begun anew if it is not done in one go. The
 * kernel sees to that where the thread goes on inside; where it has been somewhere else in between, we must.
 *
 * The one rule: to the program it is what any preemption does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* As the kernel tells it of a stopped thread (struct ptrace_rseq_configuration). */
struct rseq_config {
	uint64_t ptr; /* its struct rseq; 0: none is registered */
	uint32_t size, signature, flags, pad;
};

/* Ask for that of the tracee @tid; false: there is none, or the kernel (before Linux 5.13) does not tell. */
bool rseq_ask(pid_t tid, struct rseq_config *config);

/*
 * Do @regs, of a thread of process @pid whose struct rseq is at @ptr, stand in a sequence? Then they
 * are moved on to where it is given up.
 */
bool rseq_leave(pid_t pid, uint64_t ptr, struct user_regs_struct *regs);
