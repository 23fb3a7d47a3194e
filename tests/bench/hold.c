/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hold memory and note in a file that we run (heart.h), until killed.
 *	hold HEART MIB random|zero|text 4k|huge
 */
#include "heart.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct heart *heart_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *p;

	if (fd < 0 || ftruncate(fd, 4096))
		return NULL;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Words and numbers, as a program's text and tables would be; a codec halves or thirds it. */
static void fill_text(char *p, size_t n)
{
	static const char *const words[] = { "energy ",	  "step ",	  "particle ", "0.0000 ",
					     "velocity ", "-1.2345e+01 ", "the ",      "of " };
	uint64_t state = 1;
	size_t at = 0;

	while (at + 64 < n) {
		const char *word = words[random_next(&state) % 8];
		size_t len = strlen(word);

		memcpy(p + at, word, len);
		at += len;
		if (state % 4 == 0)
			at += (size_t)snprintf(p + at, 32, "%lu\n", state % 1000003);
	}
}

static void fill(char *p, size_t n, const char *kind)
{
	uint64_t state = 88172645463325252, *w = (uint64_t *)(void *)p;

	if (!strcmp(kind, "text"))
		fill_text(p, n);
	else if (!strcmp(kind, "random"))
		for (size_t i = 0; i < n / 8; i++)
			w[i] = random_next(&state);
	else
		for (size_t i = 0; i < n; i += 4096) /* written, but zero */
			((volatile char *)p)[i] = 0;
}

static void beat_for_ever(struct heart *h)
{
	int64_t last = now_ns(CLOCK_MONOTONIC), now;

	for (;;) {
		/* A nap, so that the one that measures gets a core; short against what is measured. */
		usleep(100);
		now = now_ns(CLOCK_MONOTONIC);
		if (h->reset) {
			h->gap_ns = 0;
			h->reset = 0;
		} else if (now - last > h->gap_ns) {
			h->gap_ns = now - last;
		}
		last = now;
		h->beat_ns = now_ns(CLOCK_REALTIME);
	}
}

int main(int argc, char **argv)
{
	size_t n = argc == 5 ? (size_t)atol(argv[2]) << 20 : 0;
	struct heart *h = argc == 5 ? heart_open(argv[1]) : NULL;
	char *p;

	if (!h)
		return 2;
	p = mmap(NULL, n + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	p = (char *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	madvise(p, n, strcmp(argv[4], "huge") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	fill(p, n, argv[3]);
	h->ready = 1;
	beat_for_ever(h);
}
