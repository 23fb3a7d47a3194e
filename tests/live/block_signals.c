/* SPDX-License-Identifier: Apache-2.0 */
/* sigwait, sigwaitinfo, sigsuspend and pause are still waiting, each for its signal. */
#include "live_proc.h"

static volatile int handled;

static void on_usr2(int sig)
{
	(void)sig;
	__atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}

static sigset_t only(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

static void *in_sigwait(void *tid)
{
	sigset_t set = only(SIGUSR1);
	int sig;

	live_here(tid);
	LIVE_CHECK(!sigwait(&set, &sig) && sig == SIGUSR1);
	return NULL;
}

static void *in_sigwaitinfo(void *tid)
{
	sigset_t set = only(SIGRTMIN);
	siginfo_t info;

	live_here(tid);
	LIVE_EQUAL(sigwaitinfo(&set, &info), SIGRTMIN);
	return NULL;
}

static void *in_sigsuspend(void *tid)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGUSR2);
	live_here(tid);
	LIVE_CHECK(sigsuspend(&set) == -1 && errno == EINTR);
	LIVE_CHECK(handled > 0);
	return NULL;
}

static void *in_pause(void *tid)
{
	sigset_t set = only(SIGUSR2);

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	live_here(tid);
	LIVE_CHECK(pause() == -1 && errno == EINTR);
	LIVE_CHECK(handled > 0);
	return NULL;
}

int main(void)
{
	static const int sigs[] = { SIGUSR1, 0, SIGUSR2, SIGUSR2 };
	void *(*const run[])(void *) = { in_sigwait, in_sigwaitinfo, in_sigsuspend, in_pause };
	sigset_t set;
	pid_t tid[4] = { 0 };
	pthread_t t[4];

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGUSR2, on_usr2);
	for (int i = 0; i < 4; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_ready();
	LIVE_EQUAL(handled, 0);
	for (int i = 0; i < 4; i++) {
		LIVE_CHECK(!pthread_kill(t[i], sigs[i] ? sigs[i] : SIGRTMIN));
		LIVE_CHECK(!pthread_join(t[i], NULL));
	}
	LIVE_EQUAL(handled, 2);
	return 0;
}
