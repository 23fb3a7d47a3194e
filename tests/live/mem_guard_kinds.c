/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard pages (MADV_GUARD_INSTALL) in memory of every kind that this kernel allows them in: shared, of a
 * file, and locked, which it must not have been when they were installed. Taken away, what they covered in a
 * shared file is there.
 */
#include "live.h"

#include <setjmp.h>

enum { PAGE = 4096, PAGES = 8, GUARD_INSTALL = 102, GUARD_REMOVE = 103, KINDS = 6 };

static sigjmp_buf back;

static void on_segv(int sig)
{
	siglongjmp(back, sig);
}

/* What stands there, or -1. */
static int look(volatile char *p)
{
	return sigsetjmp(back, 1) ? -1 : *p;
}

static char *mapped(int how, int fd)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, how, fd, 0);

	LIVE_CHECK(p != MAP_FAILED);
	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)('a' + i);
	return p;
}

static bool guarded(char *p)
{
	return madvise(p + 2 * PAGE, 3 * PAGE, GUARD_INSTALL) == 0;
}

static void check(char *p, bool in_file)
{
	for (int i = 0; i < PAGES; i++)
		LIVE_EQUAL(look(p + i * PAGE), i >= 2 && i < 5 ? -1 : 'a' + i);
	LIVE_CHECK(!madvise(p + 2 * PAGE, PAGE, GUARD_REMOVE));
	if (in_file)
		LIVE_EQUAL(look(p + 2 * PAGE), 'c');
	LIVE_CHECK(look(p + 2 * PAGE) != -1);
	LIVE_EQUAL(look(p + 3 * PAGE), -1);
}

int main(void)
{
	int file = live_file("file", PAGES * PAGE, 0), other = live_file("other", PAGES * PAGE, 0);
	int memfd = memfd_create("memory", 0);
	char *p[KINDS];
	bool is[KINDS];

	LIVE_CHECK(memfd >= 0 && !ftruncate(memfd, PAGES * PAGE));
	p[0] = mapped(MAP_PRIVATE | MAP_ANONYMOUS, -1); /* is locked below */
	p[1] = mapped(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	p[2] = mapped(MAP_PRIVATE, file);
	p[3] = mapped(MAP_SHARED, other);
	p[4] = mapped(MAP_SHARED, memfd);
	p[5] = mapped(MAP_SHARED | MAP_ANONYMOUS, -1);
	for (int i = 0; i < KINDS; i++)
		is[i] = guarded(p[i]);
	if (!is[0])
		live_skip("this kernel has no MADV_GUARD_INSTALL");
	LIVE_CHECK(!mlock(p[0], PAGES * PAGE) || errno == ENOMEM || errno == EPERM);
	LIVE_CHECK(signal(SIGSEGV, on_segv) != SIG_ERR);
	live_ready();
	for (int i = 0; i < KINDS; i++)
		if (is[i])
			check(p[i], i == 3 || i == 4);
	return 0;
}
