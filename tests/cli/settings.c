/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of some size, whose mappings change their settings between checkpoints. Says "ready"; for each
 * line it reads it does what that says and answers "done", or "lost" to "check".
 *	fork|wipe|huge|lock ON: as madvise and mlock have it, for a mapping of its own
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE = 16 << 20, LEN = 64 << 10, AREAS = 3 };

static const struct {
	const char *name;
	int on, off;
} areas[AREAS] = {
	{ "fork", MADV_DONTFORK, MADV_DOFORK },
	{ "wipe", MADV_WIPEONFORK, MADV_KEEPONFORK },
	{ "huge", MADV_HUGEPAGE, MADV_NOHUGEPAGE },
};

static char *at[AREAS];

/* Two lines of smaps tell: the mapping's address, and its flags. */
static int has_flag(const void *p, const char *flag)
{
	char line[512], start[32];
	int found = 0, has = 0;
	FILE *f = fopen("/proc/self/smaps", "re");

	snprintf(start, sizeof(start), "%lx-", (unsigned long)p);
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			found = 1;
		if (found && !strncmp(line, "VmFlags:", 8)) {
			has = strstr(line, flag) != NULL;
			break;
		}
	}
	if (f)
		fclose(f);
	return has;
}

static int set(const char *name, int on)
{
	for (int i = 0; i < AREAS; i++)
		if (!strcmp(name, areas[i].name))
			return madvise(at[i], LEN, on ? areas[i].on : areas[i].off);
	return -1;
}

/* Are the contents there, and the flags as @wanted, in the order of areas? */
static int check(const char *wanted)
{
	static const char *const flags[AREAS] = { " dc ", " wf ", " hg " };

	for (int i = 0; i < AREAS; i++) {
		for (int k = 0; k < LEN; k++)
			if (at[i][k] != i + 1)
				return -1;
		if (has_flag(at[i], flags[i]) != (wanted[i] == '1'))
			return -1;
	}
	return 0;
}

int main(void)
{
	char *large = malloc(LARGE), line[64], word[64];
	int on, rc;

	if (!large)
		return 1;
	memset(large, 1, LARGE);
	for (int i = 0; i < AREAS; i++) {
		/* Room between them: mappings with the same settings become one. */
		char *p = mmap(NULL, 3 * LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		at[i] = p + LEN;
		if (p == MAP_FAILED || mprotect(at[i], LEN, PROT_READ | PROT_WRITE))
			return 1;
		memset(at[i], i + 1, LEN);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%63s %d", word, &on) != 2)
			return 1;
		rc = strcmp(word, "check") ? set(word, on) : check(strrchr(line, ' ') + 1);
		puts(rc ? "lost" : "done");
	}
	return large[LARGE - 1] != 1;
}
