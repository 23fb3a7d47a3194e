/* SPDX-License-Identifier: Apache-2.0 */
/* A handler with SA_SIGINFO is called after the restart, with the value that was sent. */
#include "live.h"

static volatile int got_sig, got_value, got_pid;

static void on_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got_sig = sig;
	got_value = info->si_value.sival_int;
	got_pid = info->si_pid;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO | SA_RESTART };

	LIVE_CHECK(!sigaction(SIGUSR2, &sa, NULL));
	live_ready();
	LIVE_CHECK(!sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 321 }));
	LIVE_EQUAL(got_sig, SIGUSR2);
	LIVE_EQUAL(got_value, 321);
	LIVE_EQUAL(got_pid, getpid());
	return 0;
}
