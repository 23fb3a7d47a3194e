/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal frame as the kernel makes one: rt_sigreturn takes all registers of a thread out of it.
 *
 * The one rule: it is only ever used when we are dead; as long as we live, registers are put back
 * through ptrace.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

enum { FRAME_MAX = 16384 };

/*
 * Build in @buf the frame that stands at address @at (a multiple of 64) of the process: its first word
 * is the address @restorer to which a call made with the stack pointer at @at returns. Returns its size.
 */
size_t frame_build(uint8_t *buf, uint64_t at, uint64_t restorer,
		   const struct user_regs_struct *regs, uint64_t sigmask, const uint8_t *xsave,
		   size_t xsave_size);

/* Code in which a call instruction is followed by a return; and code that makes rt_sigreturn. */
const uint8_t *frame_find_call(const uint8_t *code, size_t size);
const uint8_t *frame_find_sigreturn(const uint8_t *code, size_t size);
