/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults on purpose: at a named point this process kills itself, as if from outside. For tests of what is
 * promised about dying half-way.
 *
 * The one rule: without CAIRN_FAULT in the environment a point costs one load and one branch.
 *
 *	CAIRN_FAULT=probe.mapped	at that point
 *	CAIRN_FAULT=probe.mapped:3	the third time it is reached
 *	CAIRN_FAULT=probe.*:7		at the seventh point of any such name; '*' alone: any at all
 *	CAIRN_FAULT=ckpt.read:error	fault_point returns true there instead, once
 *	CAIRN_FAULT=ckpt.*:7:error	every seventh time
 *	CAIRN_FAULT=restart.made:late	this process goes on half a second later
 *	CAIRN_FAULT=restart.made:hang	it never does
 *	CAIRN_FAULT=restart.direct:stop	it does after a SIGCONT
 */
#pragma once

#include <stdbool.h>

extern int fault_state; /* 0: not yet looked; 1: off; 2: on */

bool fault_reached(const char *name);

/* True where the caller shall fail. Names are ROOM.WHAT-HAS-JUST-BEEN-DONE. */
static inline bool fault_point(const char *name)
{
	return __builtin_expect(fault_state != 1, 0) && fault_reached(name);
}

/* Read the environment again: for tests that change it. */
void fault_reset(void);
