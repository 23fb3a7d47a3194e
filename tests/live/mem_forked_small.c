/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few pages of each kind of private memory, written before a fork: those that nobody has written since are
 * still one page of memory for both, those that one has are its own.
 */
#include "live_proc.h"

enum { PAGE = 4096, PAGES = 8, KINDS = 4, MINE = 3, CHILDS = 5 };

static char *areas[KINDS];

static void map_all(void)
{
	char *shared;
	int fd = live_file("mapped", PAGES * PAGE, 'f');

	areas[0] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	areas[1] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	areas[2] = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	/* With shared memory right behind it. */
	areas[3] = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(areas[3] + PAGES * PAGE, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	LIVE_CHECK(shared != MAP_FAILED);
	strcpy(shared, "shared");
	for (int k = 0; k < KINDS; k++) {
		LIVE_CHECK(areas[k] != MAP_FAILED);
		LIVE_CHECK(!mprotect(areas[k], PAGES * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
		for (int i = 0; i < PAGES; i++)
			snprintf(areas[k] + i * PAGE, PAGE, "area %d, page %d", k, i);
	}
}

static unsigned long kib(const void *p, const char *what)
{
	char line[256];
	unsigned long n = 0;

	live_smaps(p, what, line, sizeof(line));
	LIVE_CHECK(sscanf(strchr(line, ':') + 1, "%lu", &n) == 1);
	return n;
}

/* All is as @mine, and alone in memory are the pages that either has written. */
static void check(int mine, int other, const char *who)
{
	char want[64];

	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < PAGES; i++) {
			snprintf(want, sizeof(want), "area %d, page %d%s", k, i,
				 i == mine ? who : "");
			if (strcmp(areas[k] + i * PAGE, want) != 0)
				live_fail("%s has '%s', not '%s'", who, areas[k] + i * PAGE, want);
		}
		if (kib(areas[k], "Private_Dirty") != 2 * PAGE / 1024)
			live_fail("%s has %lu KiB of area %d for itself (pages %d and %d make 8)",
				  who, kib(areas[k], "Private_Dirty"), k, mine, other);
	}
}

static void write_page(int page, const char *who)
{
	for (int k = 0; k < KINDS; k++)
		strcat(areas[k] + page * PAGE, who);
}

int main(void)
{
	int ask[2], answer[2], status;
	char c = '?';
	pid_t child;

	map_all();
	LIVE_CHECK(!pipe(ask) && !pipe(answer));
	child = fork();
	if (!child) {
		write_page(CHILDS, " of the child");
		while (read(ask[0], &c, 1) == 1 && c == '?') {
			check(CHILDS, MINE, " of the child");
			LIVE_EQUAL(write(answer[1], &c, 1), 1);
		}
		_exit(0);
	}
	write_page(MINE, " of the parent");
	for (int round = 0; round < 2; round++) {
		if (round)
			live_ready();
		LIVE_EQUAL(write(ask[1], "?", 1), 1);
		LIVE_EQUAL(read(answer[0], &c, 1), 1);
		check(MINE, CHILDS, " of the parent");
	}
	LIVE_EQUAL(write(ask[1], "!", 1), 1);
	LIVE_EQUAL(waitpid(child, &status, 0), child);
	LIVE_EQUAL(status, 0);
	return 0;
}
