/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null, zero, full, random and urandom; a zero that has been removed (of a chroot that was taken down), as it
 * was; the console.
 */
#include "live.h"

#include <sys/sysmacros.h>

int main(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	int random = open("/dev/random", O_RDONLY | O_CLOEXEC);
	int urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	int removed = -1, console = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	char c[16];

	if (mknod("zero", S_IFCHR | 0600, makedev(1, 5)) == 0) { /* root may, mostly */
		removed = open("zero", O_RDWR);
		LIVE_CHECK(!unlink("zero"));
	}
	LIVE_CHECK(null >= 0 && zero >= 0 && full >= 0 && random >= 0 && urandom >= 0);
	live_ready();
	LIVE_EQUAL(read(null, c, 16), 0);
	LIVE_EQUAL(write(null, c, 16), 16);
	LIVE_EQUAL(read(zero, c, 16), 16);
	LIVE_CHECK(!memcmp(c, (char[16]){ 0 }, 16));
	LIVE_CHECK(write(full, c, 16) == -1 && errno == ENOSPC);
	if (removed >= 0) {
		LIVE_CHECK(read(removed, c, 16) == 16 && !c[0] && !c[15]);
		LIVE_CHECK(!fstat(removed, &st));
		LIVE_EQUAL(st.st_mode, S_IFCHR | 0600);
		LIVE_CHECK(access("zero", F_OK) < 0);
	}
	if (console >= 0) {
		LIVE_CHECK(!fstat(console, &st));
		LIVE_EQUAL(st.st_rdev, makedev(5, 1));
	}
	LIVE_EQUAL(read(random, c, 16), 16);
	LIVE_EQUAL(read(urandom, c, 16), 16);
	return 0;
}
