/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers and other per-thread state, through ptrace, of a stopped thread.
 *
 * The one rule: only called by the thread that traces it. Every function that can fail returns >= 0 or
 * -errno. What depends on the CPU is in regs_<cpu>.c.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

int regs_get(pid_t tid, struct user_regs_struct *regs, struct err *err);
int regs_set(pid_t tid, const struct user_regs_struct *regs, struct err *err);

enum { REGS_XSAVE_MAX = 16384 };

/* NT_X86_XSTATE: bytes got; set takes what get gave, from this or another machine. */
int regs_get_xsave(pid_t tid, void *buf, size_t size, struct err *err);
int regs_set_xsave(pid_t tid, const void *buf, size_t size, struct err *err);

int regs_get_sigmask(pid_t tid, uint64_t *mask, struct err *err);
int regs_set_sigmask(pid_t tid, uint64_t mask, struct err *err);

/*
 * Turn the registers of a stopped thread into ones that can be started anywhere: an interrupted
 * call (@syscall >= 0, see park_thread) is begun again: before its instruction, number in rax,
 * orig_rax = -1.
 */
void regs_make_startable(struct user_regs_struct *regs, long syscall);

/*
 * The same for the living thread that they are from: a call with a restart block goes on with
 * restart_syscall, which knows what time is left.
 */
void regs_make_restartable(struct user_regs_struct *regs);

/*
 * The way back, for a thread in a PTRACE_EVENT_STOP: it stands in its call again, which the kernel will
 * restart, or end with EINTR where a handler runs first, as @restart (below) says.
 */
void regs_make_interrupted(struct user_regs_struct *regs, unsigned int restart);

/* What the kernel leaves in the result register of a call that it will restart (linux/errno.h). */
enum {
	REGS_ERESTARTSYS = 512,
	REGS_ERESTARTNOINTR = 513,
	REGS_ERESTARTNOHAND = 514,
	REGS_ERESTART_RESTARTBLOCK = 516,
};

uint64_t regs_pc(const struct user_regs_struct *regs);
void regs_set_pc(struct user_regs_struct *regs, uint64_t pc);
uint64_t regs_sp(const struct user_regs_struct *regs);
void regs_set_sp(struct user_regs_struct *regs, uint64_t sp);

/* The system call that a thread stopped on its way out of the kernel has made; -1: none. */
long regs_call(const struct user_regs_struct *regs);
/* Does it stand behind the instruction? After a restart it stands before it, the number as its result. */
bool regs_is_behind_call(const struct user_regs_struct *regs);
/* Its result so far: -errno or one of the numbers above. */
long regs_result(const struct user_regs_struct *regs);
void regs_set_result(struct user_regs_struct *regs, long result);
/* Make it one that stands in call @nr with @result. */
void regs_set_call(struct user_regs_struct *regs, long nr, long result);
/* Will the kernel restart it? */
bool regs_restarts(const struct user_regs_struct *regs);

/* Argument @i (0-5) of the call. */
uint64_t regs_arg(const struct user_regs_struct *regs, unsigned int i);
void regs_set_arg(struct user_regs_struct *regs, unsigned int i, uint64_t value);

bool regs_equal(const struct user_regs_struct *a, const struct user_regs_struct *b);

/* Make @regs stand before the system call instruction at @insn with this call. */
void regs_prepare_call(struct user_regs_struct *regs, uint64_t insn, long nr,
		       const uint64_t args[6]);
/* Make @regs begin a function at @pc with stack @sp and one argument. */
void regs_prepare_jump(struct user_regs_struct *regs, uint64_t pc, uint64_t sp, uint64_t arg);

/* The system call instruction, to look for in executable memory. */
enum { REGS_INSN_LEN = 2 };
extern const uint8_t regs_insn[REGS_INSN_LEN];
