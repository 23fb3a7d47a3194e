/* SPDX-License-Identifier: Apache-2.0 */
/* 48 MiB that no codec can shrink come back bit by bit. */
#include "live.h"

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

int main(void)
{
	const size_t n = (48 << 20) / 8;
	uint64_t *p = malloc(n * 8), x = 88172645463325252;

	LIVE_CHECK(p);
	for (size_t i = 0; i < n; i++)
		p[i] = x = next(x);
	live_ready();
	x = 88172645463325252;
	for (size_t i = 0; i < n; i++) {
		x = next(x);
		LIVE_CHECK(p[i] == x);
	}
	return 0;
}
