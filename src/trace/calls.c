/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/calls.h"

#include "trace/regs.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* tcdrain, tcsendbreak: wait until all is sent. Of other ioctls only the device knows what is done. */
static const uint32_t calls_drains[] = { TCSBRK, TCSBRKP, TIOCSBRK, TIOCSETD, CALLS_END };

/* Room in memory: hugetlbfs, and tmpfs before Linux 6.2. */
static const uint32_t calls_makes_room[] = { 0, FALLOC_FL_KEEP_SIZE, CALLS_END };

/*
 * Sources: signal(7) "Interruption of system calls and library functions by signal handlers", and
 * the kernel where the two differ. All calls marked eintr have done nothing when they return EINTR.
 */
static const struct calls_call table[] = {
	{ .nr = SYS_epoll_wait, .eintr = true, .timeout = CALLS_MS, .arg = 3 },
	{ .nr = SYS_epoll_pwait, .eintr = true, .timeout = CALLS_MS, .arg = 3 },
	{ .nr = SYS_epoll_pwait2, .eintr = true, .timeout = CALLS_TIMESPEC, .arg = 3 },
	{ .nr = SYS_rt_sigtimedwait, .eintr = true, .timeout = CALLS_TIMESPEC, .arg = 2 },
	{ .nr = SYS_semop, .eintr = true },
	{ .nr = SYS_semtimedop, .eintr = true, .timeout = CALLS_TIMESPEC, .arg = 3 },
	{ .nr = SYS_msgrcv, .eintr = true },
	{ .nr = SYS_msgsnd, .eintr = true },
	{ .nr = SYS_io_getevents, .eintr = true, .timeout = CALLS_TIMESPEC, .arg = 4 },
	{ .nr = SYS_io_pgetevents, .eintr = true, .timeout = CALLS_TIMESPEC, .arg = 4 },
	{ .nr = SYS_io_uring_enter,
	  .eintr = true,
	  .timeout = CALLS_URING,
	  .arg = 4,
	  .flags_arg = 3,
	  .flags_mask = 0x68, /* IORING_ENTER_EXT_ARG, and neither _ABS_TIMER nor _EXT_ARG_REG */
	  .flags_value = 0x08 },
	{ .nr = SYS_ioctl, .eintr = true, .only = calls_drains },
	{ .nr = SYS_fallocate, .eintr = true, .only = calls_makes_room },
	/* Sockets give EINTR only where they have a time-out. */
	{ .nr = SYS_read, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_readv, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_recvfrom, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_recvmsg, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_recvmmsg, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_accept, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_accept4, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_write, .eintr = true, .timeout = CALLS_SEND, .timed_out = EAGAIN },
	{ .nr = SYS_writev, .eintr = true, .timeout = CALLS_SEND, .timed_out = EAGAIN },
	{ .nr = SYS_sendto, .eintr = true, .timeout = CALLS_SEND, .timed_out = EAGAIN },
	{ .nr = SYS_sendmsg, .eintr = true, .timeout = CALLS_SEND, .timed_out = EAGAIN },
	{ .nr = SYS_sendmmsg, .eintr = true, .timeout = CALLS_SEND, .timed_out = EAGAIN },
	{ .nr = SYS_sendfile, .eintr = true, .timeout = CALLS_SEND, .timed_out = EAGAIN },
	{ .nr = SYS_splice, .eintr = true, .timeout = CALLS_RECEIVE, .timed_out = EAGAIN },
	{ .nr = SYS_connect, .eintr = true, .timeout = CALLS_SEND, .timed_out = EINPROGRESS },
	/* Restarted with what was left when they were interrupted: the pause is added. */
	{ .nr = SYS_ppoll, .timeout = CALLS_REST, .arg = 2, .tag_arg = 1 },
	{ .nr = SYS_pselect6, .timeout = CALLS_REST, .arg = 4 },
	{ .nr = SYS_select, .timeout = CALLS_REST_US, .arg = 4 },
	/* Restarted by the kernel with what is left, but in the living process only. */
	{ .nr = SYS_poll, .timeout = CALLS_MS, .arg = 2, .tag_arg = 2 },
	{ .nr = SYS_nanosleep, .timeout = CALLS_TIMESPEC, .arg = 0, .rest_arg = 1 },
	{ .nr = SYS_clock_nanosleep,
	  .timeout = CALLS_TIMESPEC,
	  .arg = 2,
	  .rest_arg = 3,
	  .flags_arg = 1,
	  .flags_mask = 1 /* TIMER_ABSTIME */ },
	{ .nr = SYS_futex,
	  .timeout = CALLS_TIMESPEC,
	  .arg = 3,
	  .flags_arg = 1,
	  .flags_mask = 0x7f /* FUTEX_WAIT */ },
};

const struct calls_call *calls_find(long nr)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nr == nr)
			return &table[i];
	return NULL;
}

bool calls_eintr(const struct calls_call *call, uint64_t arg1)
{
	const uint32_t *only = call->only;

	while (only && *only != CALLS_END && *only != (uint32_t)arg1)
		only++;
	return call->eintr && (!only || *only != CALLS_END);
}

/* mov $nr, %eax is b8 and four bytes; of those with a restart block the nearest one counts. */
long calls_guess(const uint8_t *code, unsigned long len)
{
	for (unsigned long i = len; i >= 5; i--) {
		const uint8_t *p = code + i - 5;
		const struct calls_call *call = calls_find(p[1]);

		if (p[0] == 0xb8 && !p[2] && !p[3] && !p[4] && call && !call->eintr &&
		    call->timeout <= CALLS_TIMESPEC)
			return call->nr;
	}
	return -1;
}

void calls_set_tag(const struct calls_call *call, struct user_regs_struct *regs, uint32_t tag)
{
	uint32_t value = (uint32_t)regs_arg(regs, call->tag_arg);

	regs_set_arg(regs, call->tag_arg, value | (uint64_t)tag << 32);
}
