/* SPDX-License-Identifier: Apache-2.0 */
/* Guard pages made by MADV_GUARD_INSTALL (6.13), which no map shows. */
#include "live.h"

#include <setjmp.h>

enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 };
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
	char *p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	LIVE_CHECK(p != MAP_FAILED);
	memset(p, 7, 64 * 4096);
	/* What a fork leaves out is looked at apart from the rest: in the middle of the others. */
	LIVE_CHECK(!madvise(p + 20 * 4096, 4 * 4096, MADV_WIPEONFORK));
	LIVE_CHECK(!madvise(p + 32 * 4096, 4 * 4096, MADV_DONTFORK));
	if (madvise(p + 8 * 4096, 2 * 4096, GUARD_INSTALL))
		live_skip("this kernel has no MADV_GUARD_INSTALL");
	for (int page = 19; page < 60; page += 4)
		LIVE_CHECK(!madvise(p + page * 4096, 2 * 4096, GUARD_INSTALL));
	LIVE_CHECK(signal(SIGSEGV, on_segv) != SIG_ERR);
	live_ready();
	LIVE_EQUAL(touch(p + 8 * 4096), SIGSEGV);
	LIVE_EQUAL(touch(p + 9 * 4096 + 5), SIGSEGV);
	LIVE_EQUAL(touch(p + 10 * 4096), 0);
	LIVE_EQUAL(p[8 * 4096 - 1], 7);
	for (int page = 18; page < 62; page++)
		LIVE_EQUAL(touch(p + page * 4096), (page + 1) % 4 < 2 ? SIGSEGV : 0);
	LIVE_CHECK(!madvise(p + 8 * 4096, 2 * 4096, GUARD_REMOVE));
	LIVE_EQUAL(touch(p + 8 * 4096), 0);
	return 0;
}
