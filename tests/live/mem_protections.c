/* SPDX-License-Identifier: Apache-2.0 */
/* Every protection stays, and what stands under it, also where it cannot be read. */
#include "live_proc.h"

static const int prots[] = { PROT_NONE,
			     PROT_READ,
			     PROT_READ | PROT_WRITE,
			     PROT_READ | PROT_EXEC,
			     PROT_EXEC,
			     PROT_READ | PROT_WRITE | PROT_EXEC };
enum { N = sizeof(prots) / sizeof(prots[0]), LEN = 3 * 4096 };

int main(void)
{
	char *at[N], before[N][64], after[64];

	for (int i = 0; i < N; i++) {
		at[i] = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		LIVE_CHECK(at[i] != MAP_FAILED);
		memset(at[i], 'a' + i, LEN);
		LIVE_CHECK(!mprotect(at[i], LEN, prots[i]));
		live_protection(at[i], before[i]);
	}
	live_ready();
	for (int i = 0; i < N; i++) {
		live_protection(at[i], after);
		LIVE_CHECK(!strcmp(after, before[i]));
		LIVE_CHECK(!mprotect(at[i], LEN, PROT_READ));
		for (int k = 0; k < LEN; k++)
			LIVE_EQUAL(at[i][k], 'a' + i);
	}
	return 0;
}
