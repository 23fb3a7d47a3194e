/* SPDX-License-Identifier: Apache-2.0 */
/* A stack overflow after the restart is still caught on the alternate stack. */
#include "live.h"

#include <setjmp.h>

static sigjmp_buf back;

static void on_segv(int sig)
{
	siglongjmp(back, sig);
}

static int fall(int n)
{
	volatile char room[4000];

	room[n % 4000] = 1;
	return fall(n + 1) + room[0];
}

int main(void)
{
	stack_t set = { .ss_size = 1 << 16 };
	struct sigaction sa = { .sa_handler = on_segv, .sa_flags = SA_ONSTACK };
	int sig;

	set.ss_sp = malloc(set.ss_size);
	LIVE_CHECK(!sigaltstack(&set, NULL) && !sigaction(SIGSEGV, &sa, NULL));
	live_ready();
	sig = sigsetjmp(back, 1);
	if (!sig)
		fall(0);
	LIVE_EQUAL(sig, SIGSEGV);
	return 0;
}
