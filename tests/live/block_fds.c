/* SPDX-License-Identifier: Apache-2.0 */
/* Blocked reads of eventfd, timerfd and signalfd. */
#include "live_proc.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int efd, tfd, sfd;

static void *in_eventfd(void *tid)
{
	uint64_t v;

	live_here(tid);
	LIVE_CHECK(read(efd, &v, 8) == 8 && v == 4);
	return NULL;
}

static void *in_timerfd(void *tid)
{
	uint64_t v;

	live_here(tid);
	LIVE_CHECK(read(tfd, &v, 8) == 8 && v == 1);
	return NULL;
}

static void *in_signalfd(void *tid)
{
	struct signalfd_siginfo info;

	live_here(tid);
	LIVE_EQUAL(read(sfd, &info, sizeof(info)), sizeof(info));
	LIVE_EQUAL(info.ssi_signo, SIGUSR1);
	return NULL;
}

int main(void)
{
	struct itimerspec soon = { .it_value = { 0, 600000000 } };
	void *(*const run[])(void *) = { in_eventfd, in_timerfd, in_signalfd };
	uint64_t four = 4;
	pid_t tid[3] = { 0 };
	pthread_t t[3];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	efd = eventfd(0, EFD_CLOEXEC);
	tfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	sfd = signalfd(-1, &set, SFD_CLOEXEC);
	LIVE_CHECK(!timerfd_settime(tfd, 0, &soon, NULL));
	for (int i = 0; i < 3; i++)
		t[i] = live_sleeper(run[i], &tid[i]);
	live_ready();
	LIVE_EQUAL(write(efd, &four, 8), 8);
	LIVE_CHECK(!kill(getpid(), SIGUSR1));
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
	return 0;
}
