/* SPDX-License-Identifier: Apache-2.0 */
#include "host/signals.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/log.h"
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SENTINEL_STACK = 16384 };

int signals_open(struct signals *s, struct err *err)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t all;

	*s = (struct signals){ .fd = -1 };
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &s->old_mask))
		return err_set(err, errno, "block signals");
	sigaction(SIGCHLD, &plain, &s->old_child);
	s->fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->fd < 0)
		return err_set(err, errno, "signalfd");
	return 0;
}

/*
 * Shares our memory and thread-local storage: raw system calls only. It inherits a mask that blocks
 * everything, so signals stay pending. It ends when we end: a moment later, so it must hold none of our
 * descriptors, or the lock and the sockets of a dead agent would still look alive.
 */
static int signals_sentinel(void *arg)
{
	sys3(__NR_close_range, 0, ~0U, 0);
	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (sys0(__NR_getppid) != (long)(intptr_t)arg)
		sys1(__NR_exit, 0); /* it had ended before we said so */
	sys2(__NR_prctl, PR_SET_NAME, "cairn-group");
	for (;;)
		sys0(__NR_pause);
	return 0;
}

/* No exit signal: it is never mistaken for a child of the computation. */
static pid_t signals_start_sentinel(const struct signals *s)
{
	size_t half = s->sentinel_half ? SENTINEL_STACK : 2 * SENTINEL_STACK;

	return clone(signals_sentinel, (char *)s->sentinel_stack + half, CLONE_VM | CLONE_FS,
		     (void *)(intptr_t)getpid());
}

int signals_watch_group(struct signals *s, struct err *err)
{
	s->sentinel_stack = mmap(NULL, 2 * SENTINEL_STACK, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (s->sentinel_stack == MAP_FAILED) {
		s->sentinel_stack = NULL;
		return err_set(err, errno, "map a stack");
	}
	s->sentinel = signals_start_sentinel(s);
	if (s->sentinel < 0) {
		s->sentinel = 0;
		return err_set(err, errno, "start a process to watch the group");
	}
	return 0;
}

static void signals_end_sentinel(pid_t sentinel)
{
	if (sentinel > 0) {
		kill(sentinel, SIGKILL);
		waitpid(sentinel, NULL, __WALL);
	}
}

void signals_unwatch_group(struct signals *s)
{
	signals_end_sentinel(s->sentinel);
	s->sentinel = 0;
}

void signals_close(struct signals *s)
{
	signals_unwatch_group(s);
	if (s->sentinel_stack)
		munmap(s->sentinel_stack, 2 * SENTINEL_STACK);
	owned_fd_done(&s->fd);
	signals_restore(s);
	*s = (struct signals){ .fd = -1 };
}

void signals_restore(const struct signals *s)
{
	if (s->old_child.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &s->old_child, NULL);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

static uint64_t signals_seen_by(pid_t sentinel)
{
	return proc_status_number(sentinel, "ShdPnd", 16, 0);
}

/*
 * Its pending set cannot be emptied from here, so a fresh one takes its place. Both live for a moment, so
 * that nothing passes between them; what the old one had seen and we have not yet is kept in mind.
 */
static void signals_renew_sentinel(struct signals *s)
{
	pid_t old = s->sentinel;
	pid_t fresh;

	s->sentinel_half = !s->sentinel_half;
	fresh = signals_start_sentinel(s);
	if (fresh < 0)
		log_error("signals", "cannot watch the process group: %s", err_text(errno));
	s->seen |= signals_seen_by(old);
	s->sentinel = fresh < 0 ? 0 : fresh;
	signals_end_sentinel(old);
}

/*
 * Did the sentinel get it too? Then it was sent to the group. (The kernel walks a group from the newest
 * member to the oldest: when we see a group's signal, the sentinel, which is younger, has it already.)
 */
static bool signals_for_group(struct signals *s, unsigned int signo)
{
	uint64_t bit = 1ULL << (signo - 1);
	bool seen = s->seen & bit;

	if (s->sentinel && (signals_seen_by(s->sentinel) & bit)) {
		signals_renew_sentinel(s);
		seen = true;
	}
	s->seen &= ~bit;
	return seen;
}

/*
 * SIGCONT and the stop signals take each other out of queues, also the sentinel's: after a later one of the
 * other sort nothing tells whom @signo was for, and passed on it would undo that later one. It is still in
 * our queue, or on its way: the kernel goes through a group under a lock that setpgid waits for. (Nobody has
 * that id, so it changes nothing; ours would not do, as it is 0 where the group is outside of the namespace.)
 */
static bool signals_taken_back(int signo)
{
	bool stops = signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
	sigset_t later;

	if (!stops && signo != SIGCONT)
		return false;
	setpgid(0, INT_MAX);
	sigpending(&later);
	if (stops)
		return sigismember(&later, SIGCONT);
	return sigismember(&later, SIGTSTP) || sigismember(&later, SIGTTIN) ||
	       sigismember(&later, SIGTTOU);
}

bool signals_meant_for(struct signals *s, const struct signalfd_siginfo *si, bool apart)
{
	bool to_group = si->ssi_code == SI_KERNEL;
	int signo = (int)si->ssi_signo;

	to_group = signals_for_group(s, si->ssi_signo) || to_group;
	if (si->ssi_pid == (uint32_t)getpid() && si->ssi_code != SI_KERNEL)
		return false; /* SIGPIPE from our own writing, and the like */
	return (apart || !to_group) && !signals_taken_back(signo);
}

void signals_pass(const struct signalfd_siginfo *si, pid_t root)
{
	siginfo_t info;
	int rc;

	if (si->ssi_code == SI_QUEUE) {
		memset(&info, 0, sizeof(info));
		info.si_signo = (int)si->ssi_signo;
		info.si_code = SI_QUEUE;
		info.si_pid = (pid_t)si->ssi_pid;
		info.si_uid = si->ssi_uid;
		info.si_value.sival_ptr = (void *)(uintptr_t)si->ssi_ptr;
		rc = (int)sys3(__NR_rt_sigqueueinfo, root, si->ssi_signo, &info);
	} else {
		rc = kill(root, (int)si->ssi_signo);
	}
	log_debug("signals", "signal %u from pid %u passed on: %d", si->ssi_signo, si->ssi_pid, rc);
}
