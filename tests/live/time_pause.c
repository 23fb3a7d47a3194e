/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A one-shot timer that runs out while the process is being rebuilt still ends the pause() that it was
 * for: the call is found interrupted, not about to begin.
 */
#include "live.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

enum { LEFT_US = 3000, INSN_LEN = 2 };

static volatile sig_atomic_t fired;

static void arm(void)
{
	struct itimerval t = { .it_value = { 0, LEFT_US } };

	LIVE_CHECK(!setitimer(ITIMER_REAL, &t, NULL));
}

static bool is_call(const char *at)
{
	return !memcmp(at, "\x0f\x05", INSN_LEN); /* syscall */
}

/* Has the signal ended pause(), or come at its very beginning? That must not be. */
static bool is_in_pause(const ucontext_t *at)
{
	const char *pc = (const char *)at->uc_mcontext.gregs[REG_RIP];
	long result = at->uc_mcontext.gregs[REG_RAX];

	return (result == -EINTR && is_call(pc - INSN_LEN)) || (result == SYS_pause && is_call(pc));
}

static void on_alarm(int sig, siginfo_t *info, void *at)
{
	(void)sig;
	(void)info;
	fired = is_in_pause(at);
	if (!fired)
		arm(); /* too early for pause(), on a busy machine: once more */
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };

	LIVE_CHECK(!sigaction(SIGALRM, &sa, NULL));
	live_begin();
	do {
		fired = 0;
		arm();
		pause();
		LIVE_CHECK(fired);
	} while (!live_gone());
	return 0;
}
