/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mapping of more bytes than the machine has, made piece by piece as a heap grows: at once the kernel
 * would not grant it. What was written is kept, the rest can be written.
 */
#include "live.h"

#include <sys/sysinfo.h>

enum { BEYOND_PIECE = 1 << 30, BEYOND_TOUCHED = 64 << 20 };

/* Room for the mapping, of pieces that follow each other: they become one. */
static char *grow(size_t pieces)
{
	size_t size = pieces * BEYOND_PIECE;
	char *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		live_skip("no room for more addresses than the machine has memory");
	for (size_t i = 0; i < pieces; i++)
		if (mmap(at + i * BEYOND_PIECE, BEYOND_PIECE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			live_skip("this kernel grants no more memory than there is");
	return at;
}

static bool is_one(const char *at, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];
	bool one = false;

	LIVE_CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			one |= start <= (unsigned long)at && end >= (unsigned long)at + size;
	fclose(f);
	return one;
}

int main(void)
{
	struct sysinfo info;
	size_t pieces, size;
	char *at;

	LIVE_CHECK(!sysinfo(&info));
	pieces = (info.totalram + info.totalswap) * info.mem_unit / BEYOND_PIECE + 2;
	size = pieces * BEYOND_PIECE;
	at = grow(pieces);
	memset(at, 'a', BEYOND_TOUCHED);
	at[size / 2] = 'b';
	at[size - 1] = 'c';
	LIVE_CHECK(is_one(at, size));
	live_ready();
	LIVE_CHECK(is_one(at, size));
	for (size_t i = 0; i < BEYOND_TOUCHED; i++)
		LIVE_CHECK(at[i] == 'a');
	LIVE_CHECK(at[size / 2] == 'b' && at[size - 1] == 'c');
	LIVE_CHECK(!at[size - 2] && !at[BEYOND_TOUCHED + 4096]);
	at[size / 2 + BEYOND_PIECE / 2] = 'd';
	return 0;
}
