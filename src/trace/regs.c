/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/regs.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* linux/ptrace.h clashes with sys/ptrace.h. */
enum { REGS_GETSIGMASK = 0x420a, REGS_SETSIGMASK = 0x420b };

static int regset(int request, pid_t tid, int type, void *buf, size_t size, struct err *err)
{
	struct iovec iov = { buf, size };

	if (ptrace((enum __ptrace_request)request, tid, (void *)(long)type, &iov) < 0)
		return err_set(err, errno, "cannot %s the registers (set 0x%x) of thread %d",
			       request == PTRACE_GETREGSET ? "read" : "write", (unsigned int)type,
			       tid);
	return (int)iov.iov_len;
}

int regs_get(pid_t tid, struct user_regs_struct *regs, struct err *err)
{
	int n = regset(PTRACE_GETREGSET, tid, NT_PRSTATUS, regs, sizeof(*regs), err);

	/* The kernel gives the registers of the mode that the thread is in. */
	if (n >= 0 && (size_t)n != sizeof(*regs))
		return err_say(err, ENOTSUP,
			       "thread %d runs a 32-bit program, which cannot be checkpointed; "
			       "use a 64-bit build of it",
			       tid);
	return n;
}

int regs_set(pid_t tid, const struct user_regs_struct *regs, struct err *err)
{
	struct user_regs_struct copy = *regs;

	return regset(PTRACE_SETREGSET, tid, NT_PRSTATUS, &copy, sizeof(copy), err);
}

int regs_get_xsave(pid_t tid, void *buf, size_t size, struct err *err)
{
	return regset(PTRACE_GETREGSET, tid, NT_X86_XSTATE, buf, size, err);
}

int regs_set_xsave(pid_t tid, const void *buf, size_t size, struct err *err)
{
	return regset(PTRACE_SETREGSET, tid, NT_X86_XSTATE, (void *)(uintptr_t)buf, size, err);
}

int regs_get_sigmask(pid_t tid, uint64_t *mask, struct err *err)
{
	if (ptrace((enum __ptrace_request)REGS_GETSIGMASK, tid, (void *)sizeof(*mask), mask) < 0)
		return err_set(err, errno, "cannot read the signal mask of thread %d", tid);
	return 0;
}

int regs_set_sigmask(pid_t tid, uint64_t mask, struct err *err)
{
	if (ptrace((enum __ptrace_request)REGS_SETSIGMASK, tid, (void *)sizeof(mask), &mask) < 0)
		return err_set(err, errno, "cannot set the signal mask of thread %d", tid);
	return 0;
}

bool regs_equal(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	return !memcmp(a, b, sizeof(*a)); /* no padding */
}
