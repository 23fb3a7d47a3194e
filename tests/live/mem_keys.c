/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protection keys: those of the program, and the one that the kernel takes by itself for memory which may
 * only be executed, be that made before or after them.
 */
#include "live_proc.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, AREAS = 4 };

static char *areas[AREAS];

static long key_of(const void *p)
{
	char line[256];
	long key = -1;

	live_smaps(p, "ProtectionKey:", line, sizeof(line));
	LIVE_CHECK(sscanf(strchr(line, ':') + 1, "%ld", &key) == 1);
	return key;
}

static char *page(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	LIVE_CHECK(p != MAP_FAILED);
	*p = (char)0xc3; /* ret */
	return p;
}

static void check(const long *keys)
{
	for (int i = 0; i < AREAS; i++)
		LIVE_EQUAL(key_of(areas[i]), keys[i]);
	((void (*)(void))(void *)areas[1])();
}

int main(void)
{
	int first = pkey_alloc(0, 0), second;
	long keys[AREAS];

	if (first < 0)
		live_skip("no protection keys here");
	areas[0] = page();
	LIVE_CHECK(!pkey_mprotect(areas[0], PAGE, PROT_READ, first));
	areas[1] = page();
	LIVE_CHECK(!mprotect(areas[1], PAGE, PROT_EXEC));
	/* Never written: nothing is filled in. */
	areas[2] = mmap(NULL, PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	LIVE_CHECK(areas[2] != MAP_FAILED);
	second = pkey_alloc(0, PKEY_DISABLE_WRITE);
	LIVE_CHECK(second > 0);
	areas[3] = page();
	LIVE_CHECK(!pkey_mprotect(areas[3], PAGE, PROT_READ | PROT_WRITE, second));
	for (int i = 0; i < AREAS; i++)
		keys[i] = key_of(areas[i]);
	check(keys);
	live_ready();
	check(keys);
	LIVE_EQUAL(pkey_get(second), PKEY_DISABLE_WRITE);
	LIVE_EQUAL(pkey_alloc(0, 0), second + 1);
	return 0;
}
