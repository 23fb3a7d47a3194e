/* SPDX-License-Identifier: Apache-2.0 */
/* null, zero, full, random and urandom. */
#include "live.h"

int main(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	int random = open("/dev/random", O_RDONLY | O_CLOEXEC);
	int urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	char c[16];

	LIVE_CHECK(null >= 0 && zero >= 0 && full >= 0 && random >= 0 && urandom >= 0);
	live_ready();
	LIVE_EQUAL(read(null, c, 16), 0);
	LIVE_EQUAL(write(null, c, 16), 16);
	LIVE_EQUAL(read(zero, c, 16), 16);
	LIVE_CHECK(!memcmp(c, (char[16]){ 0 }, 16));
	LIVE_CHECK(write(full, c, 16) == -1 && errno == ENOSPC);
	LIVE_EQUAL(read(random, c, 16), 16);
	LIVE_EQUAL(read(urandom, c, 16), 16);
	return 0;
}
