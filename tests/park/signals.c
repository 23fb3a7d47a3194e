/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal storms, on alternate stacks, with queued values that must all arrive, once, in order; and
 * calls that a handler interrupts must still give EINTR, or be restarted, as SA_RESTART says.
 */
#include "park_test.h"

static _Atomic long handled, ticks;
static _Atomic long sent;
static char altstack[65536];

static void on_queued(int sig, siginfo_t *info, void *context)
{
	char here;

	(void)sig;
	(void)context;
	EXPECT(&here >= altstack && &here < altstack + sizeof(altstack));
	EXPECT(info->si_value.sival_int == (int)(handled & 0x7fffffff));
	EXPECT(info->si_code == SI_QUEUE && info->si_pid == getpid());
	handled++;
}

static void on_tick(int sig)
{
	(void)sig;
	ticks++;
}

/* A handler without SA_RESTART ends the sleep early; nothing else may. */
static void *sleeper(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!shared->stop) {
		struct timespec ts = { 0, 3000000 };
		long before = ticks;
		int64_t began = now_ns();

		if (nanosleep(&ts, NULL) < 0)
			EXPECT(errno == EINTR && ticks != before);
		else
			EXPECT(now_ns() - began >= 3000000);
		shared->rounds++;
	}
	return arg;
}

static void behave(struct shared *s)
{
	struct sigaction queued = { .sa_sigaction = on_queued,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct sigaction tick = { .sa_handler = on_tick };
	struct itimerspec its = { { 0, 700000 }, { 0, 700000 } };
	struct sigevent sev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	pthread_t t;
	timer_t timer;

	EXPECT(!sigaltstack(&ss, NULL));
	sigaction(SIGRTMIN, &queued, NULL);
	sigaction(SIGUSR1, &tick, NULL);
	sev._sigev_un._tid = gettid();
	EXPECT(!timer_create(CLOCK_MONOTONIC, &sev, &timer));
	timer_settime(timer, 0, &its, NULL);
	EXPECT(!pthread_create(&t, NULL, sleeper, NULL));
	while (!s->stop) {
		union sigval v = { .sival_int = (int)(sent & 0x7fffffff) };

		pthread_kill(t, SIGUSR1);
		EXPECT(!pthread_sigqueue(pthread_self(), SIGRTMIN, v));
		sent++;
		EXPECT(handled == sent);
		s->rounds++;
	}
	pthread_join(t, NULL);
	EXPECT(ticks > 10);
}

int main(void)
{
	return park_test(behave, &(struct plan){ 0 });
}
