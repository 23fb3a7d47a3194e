/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers, flags and masks of all 64 signals. */
#include "live.h"

struct action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void on_info(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
}

static void look(struct action *all)
{
	for (int sig = 1; sig <= 64; sig++)
		LIVE_CHECK(!syscall(SYS_rt_sigaction, sig, NULL, &all[sig], 8));
}

int main(void)
{
	static struct action before[65], after[65];
	struct sigaction sa = { .sa_sigaction = on_info };

	for (int sig = 1; sig < 64; sig++) {
		sigfillset(&sa.sa_mask);
		sigdelset(&sa.sa_mask, 1 + sig % 30);
		sa.sa_flags = SA_SIGINFO | (sig % 2 ? SA_RESTART : 0) | (sig % 3 ? SA_ONSTACK : 0) |
			      (sig % 5 ? 0 : SA_NODEFER) | (sig % 7 ? 0 : (int)SA_RESETHAND);
		if (sig % 4)
			sigaction(sig, &sa, NULL); /* not all may be caught */
		else if (sig % 8)
			signal(sig, SIG_IGN);
	}
	look(before);
	live_ready();
	look(after);
	LIVE_CHECK(!memcmp(before, after, sizeof(before)));
	return 0;
}
