/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe: runs for an instant on a thread of the user's stopped process, with all signals blocked, on a
 * stack of its own.
 *
 * The one rule: whatever fails, go on; the end of probe_main must be reached, because only from
 * there does the program find its way back without a tracer.
 */
#include "base/mem.h"
#include "base/sys.h"
#include "contract/probe_abi.h"
#include "probe/aio.h"

enum { /* linux/sched.h and others, as numbers of the ABI */
       CLONE_VM_ = 0x100,
       CLONE_VFORK_ = 0x4000,
       CLONE_PARENT_ = 0x8000,
       WALL_ = 0x40000000,
       SIG_UNBLOCK_ = 1,
};

void probe_main(struct probe_job *job);
void probe_helper(struct probe_job *job) __attribute__((noreturn));
/* In entry_<cpu>.S, as is probe_entry. */
void probe_leave(uint64_t *regs, const uint64_t *sigmask) __attribute__((noreturn));
long probe_spawn(unsigned long flags, uint64_t stack, struct probe_job *job);

/*
 * The copy is looked at and killed, it never comes this far; but if our tracer dies at the wrong
 * moment it must not run on as a second program. Its descriptors are closed at once, so that no
 * pipe stays open because of it.
 */
static void copy_ends(void)
{
	sys3(__NR_close_range, 0, ~0U, 0);
	for (;;)
		sys1(__NR_exit_group, 0);
}

static long fork_copy(unsigned long flags)
{
	long rc = sys5(__NR_clone, flags, 0, 0, 0, 0);

	if (rc == 0)
		copy_ends();
	return rc;
}

void probe_helper(struct probe_job *job)
{
	if (job->mode == PROBE_AIO)
		aio_look((struct probe_aio *)job->aio);
	else
		job->copy = fork_copy(0);
	for (;;)
		sys1(__NR_exit, 0);
}

/*
 * The helper shares our memory, so that its fork is of ours, and it can use AIO contexts, but nothing else;
 * without exit signal nobody hears of it.
 */
static void be_helped(struct probe_job *job)
{
	long helper = probe_spawn(CLONE_VM_ | CLONE_VFORK_, job->helper_stack, job);

	if (helper < 0)
		job->copy = helper;
	else
		sys4(__NR_wait4, helper, 0, WALL_, 0);
}

/* Tell the tracer. The signal is only let through once it is pending: so ours is the one that comes. */
static void stop(const struct probe_job *job)
{
	uint64_t set = UINT64_C(1) << (job->stop_signal - 1);

	sys3(__NR_tgkill, sys0(__NR_getpid), sys0(__NR_gettid), job->stop_signal);
	sys4(__NR_rt_sigprocmask, SIG_UNBLOCK_, &set, 0, 8);
}

void probe_main(struct probe_job *job)
{
	struct probe_call *calls = (struct probe_call *)job->calls;
	uint64_t *home;

	for (uint32_t i = 0; i < job->ncalls; i++) {
		struct probe_call *c = &calls[i];

		c->result = sys6((long)c->nr, c->args[0], c->args[1], c->args[2], c->args[3],
				 c->args[4], c->args[5]);
	}
	if (job->mode == PROBE_FORK)
		job->copy = fork_copy(CLONE_PARENT_);
	else if (job->mode != PROBE_CALLS)
		be_helped(job);
	stop(job);
	/* No tracer any more. From here on signals may come: they need the program's own stack. */
	home = (uint64_t *)((job->stack - PROBE_RED_ZONE - sizeof(job->regs)) & ~UINT64_C(15));
	mem_copy(home, job->regs, sizeof(job->regs));
	probe_leave(home, &job->sigmask);
}
