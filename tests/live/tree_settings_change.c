/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that sleep for a moment, change how a page is to be treated and how a signal is, and sleep again:
 * what is looked at while they sleep is what they have after a restart, wherever it comes in between.
 */
#include "live.h"

enum { CHILDREN = 12, PAGE = 4096, NAP_MS = 4 };

static void handler(int sig)
{
	(void)sig;
}

/* 1: smaps says that  is not to be dumped; 0: that it is; -1: it says nothing of the page. */
static int undumped(const char *page)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[512], start[32];
	bool here = false;
	int found = -1;

	LIVE_CHECK(smaps);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)page);
	while (found < 0 && fgets(line, sizeof(line), smaps)) {
		here |= !strncmp(line, start, strlen(start));
		if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " dd ") != NULL;
	}
	fclose(smaps);
	return found;
}

static void check(const char *page, bool set)
{
	struct sigaction sa;

	/* In the middle of its text a restart puts another: then once more. */
	if (undumped(page) != set && undumped(page) != set)
		LIVE_EQUAL(undumped(page), set);
	LIVE_CHECK(!sigaction(SIGUSR2, NULL, &sa));
	LIVE_EQUAL(sa.sa_handler == handler, set);
	LIVE_EQUAL(page[0], set);
}

static void change(char *page, bool set)
{
	LIVE_CHECK(!madvise(page, PAGE, set ? MADV_DONTDUMP : MADV_DODUMP));
	LIVE_CHECK(signal(SIGUSR2, set ? handler : SIG_DFL) != SIG_ERR);
	page[0] = set;
}

/* Until the other end of the pipe is closed. */
static void live_on(int pipe, unsigned int seed)
{
	/* With a page on each side, so that it never becomes one with a neighbour. */
	char *page = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pollfd p = { .fd = pipe };
	bool set = false;

	LIVE_CHECK(page != MAP_FAILED);
	page += PAGE;
	LIVE_CHECK(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	while (poll(&p, 1, rand_r(&seed) % NAP_MS) == 0) {
		check(page, set);
		set = !set;
		change(page, set);
	}
	check(page, set);
	_exit(0);
}

int main(void)
{
	pid_t child[CHILDREN];
	int p[2], status;

	LIVE_CHECK(!pipe2(p, O_CLOEXEC));
	for (unsigned int i = 0; i < CHILDREN; i++) {
		child[i] = fork();
		if (child[i])
			continue;
		close(p[1]);
		live_on(p[0], i);
	}
	close(p[0]);
	live_ready_rounds(4);
	close(p[1]);
	for (int i = 0; i < CHILDREN; i++) {
		LIVE_EQUAL(waitpid(child[i], &status, 0), child[i]);
		LIVE_EQUAL(status, 0);
	}
	return 0;
}
