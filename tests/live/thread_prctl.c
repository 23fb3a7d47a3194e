/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per thread: that it may not read the time stamp counter, when it is told of broken memory, that it does
 * others' input and output, and what it keeps its CPU from guessing, as far as that is for it to say. Of the
 * process: that like pages are merged, but where it has been said otherwise; and that huge pages are only
 * where they are asked for.
 */
#include "live.h"

#include <sys/prctl.h>

enum {
	SET_MEMORY_MERGE = 67,
	GET_MEMORY_MERGE = 68, /* Linux 6.4 */
	THP_EXCEPT_ADVISED = 2, /* 6.18 */
	PAGES = 4 * 4096,
	SPECULATIONS = 2, /* store bypass, indirect branches */
};

static int tsc(void)
{
	int mode = 0;

	LIVE_CHECK(!prctl(PR_GET_TSC, &mode));
	return mode;
}

static void *other(void *arg)
{
	pthread_barrier_t *b = arg;
	int guesses[SPECULATIONS];
	bool flusher;

	LIVE_CHECK(!prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	LIVE_CHECK(!prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	flusher = prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0;
	for (int i = 0; i < SPECULATIONS; i++) {
		prctl(PR_SET_SPECULATION_CTRL, i, PR_SPEC_DISABLE, 0, 0);
		guesses[i] = prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
	}
	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	for (int i = 0; i < SPECULATIONS; i++)
		LIVE_EQUAL(prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0), guesses[i]);
	if (flusher)
		LIVE_EQUAL(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
	LIVE_EQUAL(tsc(), PR_TSC_SIGSEGV);
	LIVE_EQUAL(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
	LIVE_CHECK(!prctl(PR_SET_TSC, PR_TSC_ENABLE));
	return NULL;
}

/* Is the mapping at @at one of whose pages like ones are merged? */
static bool merged(const void *at)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end, want = (unsigned long)at;
	bool here = false, found = false;
	char line[512];

	LIVE_CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			here = start == want;
		if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " mg") != NULL;
	}
	fclose(f);
	return found;
}

static void *map(void)
{
	char *p = mmap(NULL, 3 * PAGES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	LIVE_CHECK(p != MAP_FAILED && !mprotect(p + PAGES, PAGES, PROT_READ | PROT_WRITE));
	return p + PAGES;
}

int main(void)
{
	pthread_barrier_t b;
	pthread_t t;
	int thp, merge;
	char *yes, *no;

	merge = prctl(SET_MEMORY_MERGE, 1, 0, 0, 0) == 0;
	if (prctl(PR_SET_THP_DISABLE, 1, THP_EXCEPT_ADVISED, 0, 0))
		LIVE_CHECK(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	thp = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	yes = map();
	no = map();
	if (merge)
		LIVE_CHECK(!madvise(no, PAGES, MADV_UNMERGEABLE));
	pthread_barrier_init(&b, NULL, 2);
	t = live_thread(other, &b);
	pthread_barrier_wait(&b);
	LIVE_CHECK(!prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0));
	live_ready();
	LIVE_CHECK(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) <= 0);
	LIVE_EQUAL(tsc(), PR_TSC_ENABLE);
	LIVE_EQUAL(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_LATE);
	LIVE_EQUAL(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), thp);
	if (merge) {
		LIVE_EQUAL(prctl(GET_MEMORY_MERGE, 0, 0, 0, 0), 1);
		LIVE_CHECK(merged(yes));
		LIVE_CHECK(!merged(no));
	}
	pthread_barrier_wait(&b);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
