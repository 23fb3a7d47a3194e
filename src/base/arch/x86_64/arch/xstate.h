/* SPDX-License-Identifier: Apache-2.0 */
/* Extended register state that a process must ask for before it may have it (Intel AMX). */
#pragma once

#include "base/mem.h"

#include <asm/unistd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	XSTATE_BV_AT = 512, /* in an xsave area: which components it holds */
	XSTATE_TILES = 18,
	XSTATE_ASK = 0x1023, /* ARCH_REQ_XCOMP_PERM */
};

/*
 * True if a process needs leave for the state in @xsave: then the system call that asks for it
 * is *@nr with @args. Source: Documentation/arch/x86/xstate.rst.
 */
static inline bool xstate_must_ask(const void *xsave, size_t len, long *nr, uint64_t args[2])
{
	uint64_t components = 0;

	if (len >= XSTATE_BV_AT + sizeof(components))
		mem_copy(&components, (const uint8_t *)xsave + XSTATE_BV_AT, sizeof(components));
	*nr = __NR_arch_prctl;
	args[0] = XSTATE_ASK;
	args[1] = XSTATE_TILES;
	return components >> XSTATE_TILES & 1;
}
