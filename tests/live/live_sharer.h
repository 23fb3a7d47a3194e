/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For live tests of what processes share by clone(2): children that do what they are told through memory, as
 * descriptors may be what is shared.
 */
#pragma once

#include "live.h"

#include <linux/futex.h>
#include <linux/kcmp.h>
#include <sys/prctl.h>

struct live_sharer { /* in shared memory */
	uint32_t asked, done; /* rounds; futexes */
	long (*what)(long arg);
	long arg, result;
	pid_t pid;
};

static struct live_sharer *live_sharers;

static inline void live_sharers_begin(size_t n)
{
	live_sharers = mmap(NULL, n * sizeof(*live_sharers), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	LIVE_CHECK(live_sharers != MAP_FAILED);
}

static inline void live_sharer_run(struct live_sharer *s) __attribute__((noreturn));
static inline void live_sharer_run(struct live_sharer *s)
{
	for (uint32_t round = 0;; round++) {
		while (__atomic_load_n(&s->asked, __ATOMIC_SEQ_CST) == round)
			syscall(SYS_futex, &s->asked, FUTEX_WAIT, round, NULL, NULL, 0);
		s->result = s->what(s->arg);
		__atomic_store_n(&s->done, round + 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &s->done, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

/* Make number @i, which shares what @flags say with us. */
static inline long live_sharer_make(size_t i, unsigned long flags)
{
	pid_t parent = getpid();
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		live_sharer_run(&live_sharers[i]);
	}
	live_sharers[i].pid = (pid_t)pid;
	return pid;
}

/* Have number @i do it. */
static inline long live_sharer_ask(size_t i, long (*what)(long arg), long arg)
{
	struct live_sharer *s = &live_sharers[i];
	uint32_t before = s->done, seen;

	s->what = what;
	s->arg = arg;
	__atomic_add_fetch(&s->asked, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &s->asked, FUTEX_WAKE, 1, NULL, NULL, 0);
	while ((seen = __atomic_load_n(&s->done, __ATOMIC_SEQ_CST)) == before)
		syscall(SYS_futex, &s->done, FUTEX_WAIT, seen, NULL, NULL, 0);
	return s->result;
}

static inline void live_sharer_end(size_t i)
{
	LIVE_CHECK(!kill(live_sharers[i].pid, SIGKILL));
}

/* What kcmp says: 0 if the two have the same. */
static inline bool live_same(pid_t a, pid_t b, int what)
{
	long rc = syscall(SYS_kcmp, a, b, what, 0, 0);

	if (rc < 0 && (errno == EPERM || errno == ENOSYS))
		live_skip("kcmp is refused here");
	LIVE_CHECK(rc >= 0);
	return !rc;
}
