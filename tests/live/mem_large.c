/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process large enough that its mappings are not counted while it stands still (ckpt/notes.h): what only
 * smaps tells of them comes back all the same, also what changes between two checkpoints of one agent.
 */
#include "live_proc.h"

enum { LARGE = 16 << 20, LEN = 256 << 10, KINDS = 8 };

static const struct {
	int advice;
	const char *flag;
} kinds[KINDS] = {
	{ MADV_NORMAL, "" },	     { MADV_WIPEONFORK, " wf " }, { MADV_DONTFORK, " dc " },
	{ MADV_HUGEPAGE, " hg " },   { MADV_NOHUGEPAGE, " nh " }, { MADV_DONTDUMP, " dd " },
	{ MADV_SEQUENTIAL, " sr " }, { MADV_RANDOM, " rr " },
};

static char *fresh(int fill, int advice)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	LIVE_CHECK(p != MAP_FAILED);
	LIVE_CHECK(advice == MADV_NORMAL || !madvise(p, LEN, advice));
	memset(p, fill, LEN);
	return p;
}

static void check(char *p, int fill, const char *flag)
{
	char line[256];

	for (int i = 0; i < LEN; i++)
		LIVE_EQUAL(p[i], fill);
	live_smaps(p, "VmFlags:", line, sizeof(line));
	LIVE_CHECK(!*flag || strstr(line, flag));
}

/* A shared mapping that is only read now, but of a file in memory that may be written. */
static char *shared(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);
	char *p;

	LIVE_CHECK(fd >= 0 && !ftruncate(fd, LEN));
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	LIVE_CHECK(p != MAP_FAILED);
	memset(p, 77, LEN);
	LIVE_CHECK(!mprotect(p, LEN, PROT_READ));
	close(fd);
	return p;
}

int main(void)
{
	char *large = malloc(LARGE), *p[KINDS], *read_only = shared();

	LIVE_CHECK(large);
	memset(large, 42, LARGE);
	for (int i = 0; i < KINDS; i++)
		p[i] = fresh(i + 1, kinds[i].advice);
	live_ready();
	for (int i = 0; i < KINDS; i++)
		check(p[i], i + 1, kinds[i].flag);
	for (int i = 0; i < LARGE; i++)
		LIVE_EQUAL(large[i], 42);
	for (int i = 0; i < LEN; i++)
		LIVE_EQUAL(read_only[i], 77);
	LIVE_CHECK(!mprotect(read_only, LEN, PROT_READ | PROT_WRITE));
	read_only[0] = 1;
	return 0;
}
