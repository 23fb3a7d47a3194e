/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/regs.h"

#include <sys/syscall.h>

const uint8_t regs_insn[REGS_INSN_LEN] = { 0x0f, 0x05 }; /* syscall */

uint64_t regs_pc(const struct user_regs_struct *regs)
{
	return regs->rip;
}

void regs_set_pc(struct user_regs_struct *regs, uint64_t pc)
{
	regs->rip = pc;
}

uint64_t regs_sp(const struct user_regs_struct *regs)
{
	return regs->rsp;
}

void regs_set_sp(struct user_regs_struct *regs, uint64_t sp)
{
	regs->rsp = sp;
}

long regs_call(const struct user_regs_struct *regs)
{
	/* Interrupts and exceptions leave -1 (arch/x86/entry: "no syscall to restart"). */
	return (int)regs->orig_rax < 0 ? -1 : (long)regs->orig_rax;
}

bool regs_is_behind_call(const struct user_regs_struct *regs)
{
	return regs_call(regs) >= 0 && regs->rcx == regs->rip; /* where syscall leaves it */
}

long regs_result(const struct user_regs_struct *regs)
{
	return (long)regs->rax;
}

void regs_set_result(struct user_regs_struct *regs, long result)
{
	regs->rax = (unsigned long)result;
}

void regs_set_call(struct user_regs_struct *regs, long nr, long result)
{
	regs->orig_rax = (unsigned long)nr;
	regs->rax = (unsigned long)result;
}

bool regs_restarts(const struct user_regs_struct *regs)
{
	if (regs_call(regs) < 0)
		return false;
	switch (-regs_result(regs)) {
	case REGS_ERESTARTSYS:
	case REGS_ERESTARTNOINTR:
	case REGS_ERESTARTNOHAND:
	case REGS_ERESTART_RESTARTBLOCK:
		return true;
	default:
		return false;
	}
}

uint64_t regs_arg(const struct user_regs_struct *regs, unsigned int i)
{
	switch (i) {
	case 0:
		return regs->rdi;
	case 1:
		return regs->rsi;
	case 2:
		return regs->rdx;
	case 3:
		return regs->r10;
	case 4:
		return regs->r8;
	default:
		return regs->r9;
	}
}

void regs_set_arg(struct user_regs_struct *regs, unsigned int i, uint64_t value)
{
	switch (i) {
	case 0:
		regs->rdi = value;
		break;
	case 1:
		regs->rsi = value;
		break;
	case 2:
		regs->rdx = value;
		break;
	case 3:
		regs->r10 = value;
		break;
	case 4:
		regs->r8 = value;
		break;
	default:
		regs->r9 = value;
		break;
	}
}

void regs_make_startable(struct user_regs_struct *regs, long syscall)
{
	if (syscall >= 0) {
		regs->rip -= REGS_INSN_LEN;
		regs->rax = (unsigned long)syscall;
	}
	regs->orig_rax = (unsigned long)-1L;
}

void regs_make_interrupted(struct user_regs_struct *regs, unsigned int restart)
{
	/* A new thread has no restart block: begun anew from its arguments, the call does the same. */
	if (restart == REGS_ERESTART_RESTARTBLOCK)
		restart = REGS_ERESTARTNOHAND;
	regs->orig_rax = regs->rax;
	regs->rax = (unsigned long)-(long)restart;
	regs->rip += REGS_INSN_LEN;
}

void regs_make_restartable(struct user_regs_struct *regs)
{
	long nr = regs_call(regs);

	if (regs_result(regs) == -REGS_ERESTART_RESTARTBLOCK)
		nr = SYS_restart_syscall;
	regs_make_startable(regs, regs_restarts(regs) ? nr : -1);
}

void regs_prepare_call(struct user_regs_struct *regs, uint64_t insn, long nr,
		       const uint64_t args[6])
{
	for (unsigned int i = 0; i < 6; i++)
		regs_set_arg(regs, i, args[i]);
	regs->rip = insn;
	regs->rax = (unsigned long)nr;
	regs->orig_rax = (unsigned long)-1L;
}

void regs_prepare_jump(struct user_regs_struct *regs, uint64_t pc, uint64_t sp, uint64_t arg)
{
	regs->rip = pc;
	regs->rsp = sp;
	regs->rdi = arg;
	regs->eflags &= ~0x400UL; /* the ABI wants the direction flag clear at a function's entry */
	regs->orig_rax = (unsigned long)-1L;
}
