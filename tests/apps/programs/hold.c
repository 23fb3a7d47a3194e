/* SPDX-License-Identifier: Apache-2.0 */
/* hold MIB: fill so much memory, change a little of it at each step, then check each page. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STEPS = 3, PAGE = 4096, WORDS = PAGE / 8, MIB_PAGES = 256 };

static uint64_t *page(char *at, size_t i)
{
	return (uint64_t *)(void *)(at + i * PAGE);
}

/* A page holds some words of its own; the rest compresses well. */
static void fill(char *at, size_t i)
{
	uint64_t seed = i, *p = page(at, i);

	for (int k = 0; k < WORDS; k++) {
		if (k % 64 == 0)
			seed = seed * 6364136223846793005u + 1442695040888963407u;
		p[k] = seed;
	}
}

static void touch(char *at, size_t pages, uint64_t step)
{
	for (size_t i = step; i < pages; i += 97)
		page(at, i)[step]++;
}

static uint64_t sum(char *at, size_t pages)
{
	uint64_t s = 0;

	for (size_t i = 0; i < pages; i++)
		for (int k = 0; k < WORDS; k += 64)
			s = s * 31 + page(at, i)[k] + page(at, i)[k / 64];
	return s;
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) * MIB_PAGES : 0;
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	if (at == MAP_FAILED)
		return 1;
	madvise(at, pages * PAGE / 2, MADV_HUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		fill(at, i);
	for (uint64_t step = 1; step <= STEPS; step++) {
		printf("step %d\n", (int)step);
		fflush(stdout);
		touch(at, pages, step);
		touch(at, pages, sum(at, pages) % 8);
	}
	printf("sum %llx\n", (unsigned long long)sum(at, pages));
	return 0;
}
