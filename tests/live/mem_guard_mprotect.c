/* SPDX-License-Identifier: Apache-2.0 */
/* A guard page between two areas still guards after the restart. */
#include "live.h"

#include <setjmp.h>

static sigjmp_buf back;

static void on_segv(int sig)
{
	siglongjmp(back, sig);
}

static int touch(volatile char *p)
{
	int sig = sigsetjmp(back, 1);

	if (!sig)
		*p = 1;
	return sig;
}

int main(void)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	LIVE_CHECK(p != MAP_FAILED);
	memset(p, 7, 3 * 4096);
	LIVE_CHECK(!mprotect(p + 4096, 4096, PROT_NONE));
	LIVE_CHECK(signal(SIGSEGV, on_segv) != SIG_ERR);
	live_ready();
	LIVE_EQUAL(touch(p), 0);
	LIVE_EQUAL(touch(p + 4096), SIGSEGV);
	LIVE_EQUAL(touch(p + 2 * 4096), 0);
	LIVE_EQUAL(p[4095], 7);
	return 0;
}
