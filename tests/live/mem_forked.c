/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that processes share because they were forked, and have changed since in part: each has its own
 * contents, and what is still equal is in memory once. Also of a child's child, and of one whose parent has
 * ended.
 */
#include "live.h"

enum {
	PAGE = 4096,
	PAGES = 2560, /* of the area: enough for an image that is worth comparing */
	WHO = 5, /* the root, two children, a child's child, an orphan */
	CHANGED = 7, /* every so many pages */
	GONE = 100, /* pages of a stretch that a child gives up */
	MANY = 3 /* times what one process has, where each had all of it */
};

struct way {
	int ask[2], answer[2];
};

static uint32_t *area, *heap;
static struct way ways[WHO];

static uint32_t first_value(size_t page, size_t word)
{
	return (uint32_t)(page * 2654435761u ^ word * 40503u ^ 0x5eed);
}

static void fill(uint32_t *p)
{
	for (size_t i = 0; i < PAGES; i++)
		for (size_t k = 0; k < PAGE / 4; k++)
			p[i * PAGE / 4 + k] = first_value(i, k);
}

/* Who has changed page @i: bits of what @who and those it comes from have done to it. */
static bool changed_by(int who, size_t i)
{
	return i % CHANGED == (size_t)who && i >= GONE;
}

static void change(int who)
{
	for (size_t i = 0; i < PAGES; i++)
		if (changed_by(who, i))
			area[i * PAGE / 4] += 1000u * (uint32_t)who + 1;
	heap[who] = (uint32_t)who;
	if (who != 2)
		return;
	/* What it gives up reads zero, and lies in three mappings. */
	LIVE_CHECK(!madvise(area, GONE * PAGE, MADV_DONTNEED));
	LIVE_CHECK(!mprotect(area + GONE / 2 * PAGE / 4, GONE / 4 * PAGE, PROT_READ));
}

static uint32_t expected(int who, size_t i, size_t k)
{
	uint32_t v = first_value(i, k);

	if (who == 2 && i < GONE)
		return 0;
	if (k == 0 && changed_by(who, i) && who)
		v += 1000u * (uint32_t)who + 1;
	if (k == 0 && who == 3 &&
	    changed_by(1, i)) /* the child of child 1, which had changed it before */
		v += 1001;
	return v;
}

static void check(int who)
{
	for (size_t i = 0; i < PAGES; i++)
		for (size_t k = 0; k < PAGE / 4; k++)
			if (area[i * PAGE / 4 + k] != expected(who, i, k))
				live_fail("process %d: page %zu, word %zu is %#x", who, i, k,
					  area[i * PAGE / 4 + k]);
	for (int i = 0; i < WHO; i++)
		LIVE_EQUAL(heap[i], i == who || (who == 3 && i == 1) ? i : 0);
	for (size_t i = WHO; i < PAGES * PAGE / 4; i += PAGE / 4)
		LIVE_EQUAL(heap[i], i);
}

/* Bytes of the area that this process has, as its share of each page. */
static uint64_t share(void)
{
	char line[256];
	unsigned long start, end, kib, total = 0;
	bool inside = false;
	FILE *f = fopen("/proc/self/smaps", "re");

	LIVE_CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start < (unsigned long)(area + PAGES * PAGE / 4) &&
				 end > (unsigned long)area;
		else if (inside && sscanf(line, "Pss: %lu kB", &kib) == 1)
			total += kib * 1024;
	}
	fclose(f);
	return total;
}

static void serve(int who)
{
	uint64_t bytes;
	char c;

	while (read(ways[who].ask[0], &c, 1) == 1 && c != 'e') {
		check(who);
		bytes = share();
		LIVE_EQUAL(write(ways[who].answer[1], &bytes, sizeof(bytes)), sizeof(bytes));
	}
	_exit(0);
}

static void begin(int who)
{
	change(who);
	if (who == 1 && !fork()) {
		change(3);
		serve(3);
	}
	serve(who);
}

static uint64_t ask(int who)
{
	uint64_t bytes = 0;

	LIVE_EQUAL(write(ways[who].ask[1], "?", 1), 1);
	LIVE_EQUAL(read(ways[who].answer[0], &bytes, sizeof(bytes)), sizeof(bytes));
	return bytes;
}

static void ask_all(void)
{
	uint64_t total = 0;

	check(0);
	for (int who = 1; who < WHO; who++)
		total += ask(who);
	total += share();
	if (total > (uint64_t)PAGES * PAGE * MANY)
		live_fail("%d processes have %llu bytes of memory, for %d that were shared", WHO,
			  (unsigned long long)total, PAGES * PAGE);
}

int main(void)
{
	int status;
	pid_t middle;

	area = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	LIVE_CHECK(area != MAP_FAILED);
	heap = sbrk(PAGES * PAGE);
	LIVE_CHECK(heap != (void *)-1);
	for (size_t i = WHO; i < PAGES * PAGE / 4; i += PAGE / 4)
		heap[i] = (uint32_t)i;
	fill(area);
	for (int who = 1; who < WHO; who++)
		LIVE_CHECK(!pipe(ways[who].ask) && !pipe(ways[who].answer));
	for (int who = 1; who < 3; who++)
		if (!fork())
			begin(who);
	middle = fork();
	if (!middle) {
		if (!fork())
			begin(4);
		_exit(0);
	}
	LIVE_EQUAL(waitpid(middle, &status, 0), middle);
	ask_all();
	live_ready();
	ask_all();
	for (int who = 1; who < WHO; who++)
		LIVE_EQUAL(write(ways[who].ask[1], "e", 1), 1);
	for (int i = 0; i < 2; i++)
		LIVE_CHECK(wait(&status) > 0 && !status);
	return 0;
}
