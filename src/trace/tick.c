/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tick.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

_Thread_local void (*tick_also)(void);
_Thread_local int64_t tick_until;

static void on_tick(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)sig;
	(void)info;
	if (tick_also)
		tick_also();
	if (tick_until && tick_now() > tick_until)
		tick_give_up(context);
	errno = saved;
}

/* Installed once and left: several threads may park at the same time. */
static void install(void)
{
	struct sigaction sa = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO };

	sigaction(TICK_SIGNAL, &sa, NULL);
}

int tick_start(struct tick *tick, int64_t period_ns, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct itimerspec its = { 0 };
	struct sigevent sev = { 0 };
	sigset_t mine;

	its.it_value.tv_sec = its.it_interval.tv_sec = period_ns / 1000000000;
	its.it_value.tv_nsec = its.it_interval.tv_nsec = period_ns % 1000000000;
	pthread_once(&once, install);
	sev.sigev_notify = SIGEV_THREAD_ID;
	sev.sigev_signo = TICK_SIGNAL;
	sev._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &sev, &tick->timer) < 0)
		return err_set(err, errno, "cannot create a timer");
	sigemptyset(&mine);
	sigaddset(&mine, TICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &mine, &tick->old_mask);
	tick->armed = true;
	timer_settime(tick->timer, 0, &its, NULL);
	return 0;
}

void tick_stop(struct tick *tick)
{
	if (!tick->armed)
		return;
	timer_delete(tick->timer);
	pthread_sigmask(SIG_SETMASK, &tick->old_mask, NULL);
	tick->armed = false;
}
