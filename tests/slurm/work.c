/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work whose result tells whether a step was lost, doubled or changed: each step depends on the one before.
 *	work FILE	a line for each step is added to FILE, until FILE.enough is there; then the answer
 *	work -n N	the answer after N steps
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t step(uint64_t state)
{
	for (int i = 0; i < 100000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
	}
	return state;
}

static int answer(unsigned long n, uint64_t state)
{
	printf("answer %lu %016llx\n", n, (unsigned long long)state);
	return 0;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t state = 1;
	char enough[1024];
	FILE *f;

	if (argc == 3 && !strcmp(argv[1], "-n")) {
		unsigned long n = strtoul(argv[2], NULL, 10);

		for (unsigned long i = 0; i < n; i++)
			state = step(state);
		return answer(n, state);
	}
	f = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (!f)
		return 2;
	snprintf(enough, sizeof(enough), "%s.enough", argv[1]);
	for (unsigned long n = 1;; n++) {
		state = step(state);
		fprintf(f, "%lu\n", n);
		fflush(f);
		if (!access(enough, F_OK))
			return answer(n, state);
		nanosleep(&pause, NULL);
	}
}
