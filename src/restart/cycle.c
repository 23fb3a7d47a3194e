/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/cycle.h"

#include "arch/stack.h"
#include "base/sys.h"
#include "contract/restore_plan.h"
#include "restart/spawn.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

enum {
	CYCLE_ROUNDS = 20, /* how often an id may come round before we give up */
	CYCLE_TRIES = 100, /* how often it may be born with another one */
	CYCLE_NEAR =
		8, /* from here on everything is born as if it were the one: see cycle_is_next */
	CYCLE_FULL = 1000, /* how often clone may say that there is no room, a tick each */
	CYCLE_TICK_NS = 1000000,
	CYCLE_THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		       CLONE_SYSVSEM | CLONE_UNTRACED,
};

/*
 * Take the next id and give it back: the id, or -errno. A thread is the cheapest thing to be born and nobody
 * has to wait for it; the vfork keeps them from piling up.
 */
static pid_t cycle_turn(void)
{
	for (int i = 0;; i++) {
		long id = stack_clone_ended(CYCLE_THREAD | CLONE_VFORK);

		/* Those that are ending still count against limits. */
		if (id != -EAGAIN || i == CYCLE_FULL)
			return (pid_t)id;
		nanosleep(&(struct timespec){ .tv_nsec = CYCLE_TICK_NS }, NULL);
	}
}

static bool cycle_taken(pid_t id)
{
	return kill(id, 0) == 0 || errno != ESRCH || kill(-id, 0) == 0 || errno != ESRCH;
}

/* @at was the last id. What lies between may be taken; who holds nothing but a session is not to be seen. */
static bool cycle_is_next(pid_t at, pid_t want, bool again)
{
	if (at >= want)
		return false;
	if (again && want - at <= CYCLE_NEAR)
		return true;
	while (++at < want && cycle_taken(at))
		;
	return at == want;
}

/*
 * Until @want is next. @last was the last id, as far as is known (0: it is not): what follows on it at
 * once, as a thread on its process, a turn to find out would take away.
 */
static int cycle_seek(pid_t want, pid_t last)
{
	pid_t before = 0, at;
	int rounds = 0;

	if (last > 0 && cycle_is_next(last, want, false))
		return 0;
	at = cycle_turn();
	for (; at > 0; before = at, at = cycle_turn()) {
		rounds += at < before;
		if (rounds == CYCLE_ROUNDS)
			return -EBUSY;
		if (cycle_is_next(at, want, rounds > 1))
			return 0;
	}
	return at;
}

pid_t cycle_fork(pid_t want, pid_t last, uint64_t flags, int exit_signal)
{
	for (int i = 0; i < CYCLE_TRIES; i++) {
		pid_t pid = cycle_seek(want, last);

		if (pid == 0)
			pid = spawn_fork(0, flags, exit_signal);
		else if (pid > 0)
			pid = -EBUSY;
		if (pid == 0 && getpid() != want)
			_exit(0);
		if (pid <= 0 || pid == want)
			return pid;
		spawn_wait(pid);
		last = pid;
	}
	return -EBUSY;
}

/* Until it has ended, and with it the use of its stack; or until it is out of our code. */
static enum plan_early cycle_await(uint32_t *state)
{
	uint32_t now;

	while ((now = __atomic_load_n(state, __ATOMIC_ACQUIRE)) == PLAN_EARLY_BORN)
		sys4(__NR_futex, state, FUTEX_WAIT, PLAN_EARLY_BORN, 0);
	return now;
}

int cycle_start(const struct cycle_thread *t)
{
	pid_t last = t->last;

	for (int i = 0; i < CYCLE_TRIES; i++) {
		long id = cycle_seek(t->want, last);

		if (id < 0)
			return (int)id;
		__atomic_store_n(t->state, PLAN_EARLY_BORN, __ATOMIC_RELEASE);
		id = stack_clone(CYCLE_THREAD | CLONE_CHILD_CLEARTID, t->top, t->state, t->entry,
				 t->a, t->b);
		if (id < 0 || cycle_await(t->state) == PLAN_EARLY_WAITS)
			return (int)id;
		last = (pid_t)id;
	}
	return -EBUSY;
}

void cycle_leave_low(void)
{
	pid_t at = getpid();

	while (at > 0 && at < CYCLE_LOWEST)
		at = cycle_turn();
}

int cycle_check(pid_t id, struct err *err)
{
	pid_t at;

	if (cycle_taken(id))
		return err_say(err, EEXIST, "id %d is taken", id);
	if (id >= CYCLE_LOWEST)
		return 0;
	at = cycle_turn();
	if (at < 0)
		return err_set(err, at, "make a thread");
	if (at < id)
		return 0;
	return err_say(
		err, ERANGE,
		"id %d does not come round again, %d was the last: restart as the first process of "
		"a new container",
		id, at);
}
