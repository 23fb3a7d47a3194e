/* SPDX-License-Identifier: Apache-2.0 */
/* Deep recursion up and down a stack that grows: what lies on it must stay as it is, also just below. */
#include "park_test.h"

static unsigned int down(unsigned int depth, unsigned int seed)
{
	volatile unsigned int here[64];
	unsigned int sum = 0;

	for (unsigned int i = 0; i < 64; i++)
		here[i] = seed + i;
	if (depth)
		sum = down(depth - 1, seed + 1);
	for (unsigned int i = 0; i < 64; i++)
		EXPECT(here[i] == seed + i);
	return sum + here[0];
}

static void behave(struct shared *s)
{
	for (unsigned int i = 0; !s->stop; i++) {
		unsigned int depth = 20000, first = i * 7;
		/* The sum of first, first + 1, ... */
		unsigned int want = (depth + 1) * first + depth * (depth + 1) / 2;

		EXPECT(down(depth, first) == want);
		s->rounds++;
	}
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parks = 500 });
}
