/* SPDX-License-Identifier: Apache-2.0 */
/* feed BYTES: text to standard output in 20 steps of so many bytes; "step N" to descriptor 3. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 20 };

int main(int argc, char **argv)
{
	long size = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	uint64_t seed = 1;

	for (int step = 1; step <= STEPS; step++) {
		for (long n = 0; n < size;) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			n += printf("%llx ", (unsigned long long)(seed >> 40) % 500);
		}
		fflush(stdout);
		dprintf(3, "step %d\n", step);
	}
	return ferror(stdout) ? 1 : 0;
}
