/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tick.h"

#include "trace/regs.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

void tick_give_up(void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (memcmp((const void *)regs[REG_RIP], regs_insn, REGS_INSN_LEN) != 0)
		return;
	regs[REG_RIP] += REGS_INSN_LEN;
	regs[REG_RAX] = -EINTR;
}
