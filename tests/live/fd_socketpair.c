/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of UNIX sockets inside the program, with bytes on their way in both directions. */
#include "live.h"

#include <sys/socket.h>

int main(void)
{
	int s[2];
	char buf[32] = "";

	LIVE_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
	LIVE_EQUAL(write(s[0], "to one", 6), 6);
	LIVE_EQUAL(write(s[1], "to zero", 7), 7);
	live_ready();
	LIVE_EQUAL(read(s[1], buf, sizeof(buf)), 6);
	LIVE_CHECK(!memcmp(buf, "to one", 6));
	LIVE_EQUAL(read(s[0], buf, sizeof(buf)), 7);
	LIVE_CHECK(!memcmp(buf, "to zero", 7));
	close(s[0]);
	LIVE_EQUAL(read(s[1], buf, 1), 0);
	return 0;
}
