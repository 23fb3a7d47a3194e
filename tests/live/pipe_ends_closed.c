/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes of which only one end is left: end of file and SIGPIPE. */
#include "live.h"

int main(void)
{
	int a[2], b[2];
	char c[8];

	LIVE_CHECK(!pipe2(a, O_CLOEXEC) && !pipe2(b, O_CLOEXEC));
	LIVE_EQUAL(write(a[1], "rest", 4), 4);
	close(a[1]);
	close(b[0]);
	signal(SIGPIPE, SIG_IGN);
	live_ready();
	LIVE_EQUAL(read(a[0], c, 8), 4);
	LIVE_EQUAL(read(a[0], c, 8), 0);
	LIVE_CHECK(write(b[1], "x", 1) == -1 && errno == EPIPE);
	return 0;
}
