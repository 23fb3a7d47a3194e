/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A timer that counts a thread's CPU time goes on counting that thread's, as a profiler's do; one whose
 * thread has ended is still there to be deleted.
 */
#include "live.h"
#include "live_proc.h"

static const struct itimerspec soon = { { 0, 1000000 }, { 0, 1000000 } };
static timer_t lost, counts;
static volatile sig_atomic_t ticks;
static int go[2];

static void on_tick(int sig)
{
	(void)sig;
	ticks++;
}

static timer_t make(clockid_t clock)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	timer_t id;

	ev._sigev_un._tid = gettid();
	LIVE_CHECK(!timer_create(clock, &ev, &id) && !timer_settime(id, 0, &soon, NULL));
	return id;
}

static void *ends(void *arg)
{
	lost = make(CLOCK_MONOTONIC);
	return arg;
}

static void *counted(void *tid)
{
	char word;

	counts = make(CLOCK_THREAD_CPUTIME_ID);
	live_here(tid);
	while (read(go[0], &word, 1) != 1)
		LIVE_EQUAL(errno, EINTR);
	for (ticks = 0; ticks < 3;)
		;
	return tid;
}

int main(void)
{
	int64_t until;
	pthread_t t;
	pid_t tid;

	LIVE_CHECK(signal(SIGRTMIN, on_tick) != SIG_ERR && !pipe(go));
	t = live_thread(ends, NULL);
	LIVE_CHECK(!pthread_join(t, NULL));
	t = live_sleeper(counted, &tid);
	live_ready();
	ticks = 0;
	until = live_now_ns(CLOCK_THREAD_CPUTIME_ID) + 100000000;
	while (live_now_ns(CLOCK_THREAD_CPUTIME_ID) < until)
		; /* as long as a hundred ticks, of another thread's time */
	LIVE_CHECK(ticks < 50);
	LIVE_EQUAL(write(go[1], "", 1), 1);
	LIVE_CHECK(!pthread_join(t, NULL));
	LIVE_CHECK(!timer_delete(counts) && !timer_delete(lost));
	return 0;
}
