/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts, a line of ./lines for each number, until there is a file ./stop; ends with status 7. A
 * restart that lost, doubled or changed anything shows in ./lines.
 *	count [MIB]	hold so much memory that no codec can shrink, and check it at the end
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static int changed(const uint64_t *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (p[i] != next(p[i - 1]))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	size_t n = ((argc > 1 ? (size_t)atol(argv[1]) : 1) << 20) / sizeof(uint64_t);
	const struct timespec tick = { .tv_nsec = 2000000 };
	int fd = open("lines", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	uint64_t *p = malloc(n * sizeof(*p));

	if (fd < 0 || !p)
		return 1;
	p[0] = 88172645463325252;
	for (size_t i = 1; i < n; i++)
		p[i] = next(p[i - 1]);
	for (int i = 1; access("stop", F_OK); i++) {
		if (dprintf(fd, "%d\n", i) < 2)
			return 2;
		nanosleep(&tick, NULL);
	}
	return changed(p, n) ? 3 : 7;
}
