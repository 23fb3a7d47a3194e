/* SPDX-License-Identifier: Apache-2.0 */
/* A pipe with something in it, its size and its flags. */
#include "live.h"

int main(void)
{
	int p[2];
	char buf[30000], back[30000];

	LIVE_CHECK(!pipe2(p, O_CLOEXEC | O_NONBLOCK));
	LIVE_CHECK(fcntl(p[0], F_SETPIPE_SZ, 131072) == 131072);
	for (int i = 0; i < 30000; i++)
		buf[i] = (char)(i * 11);
	LIVE_EQUAL(write(p[1], buf, sizeof(buf)), sizeof(buf));
	live_ready();
	LIVE_EQUAL(fcntl(p[0], F_GETPIPE_SZ), 131072);
	LIVE_EQUAL(fcntl(p[0], F_GETFL), O_RDONLY | O_NONBLOCK);
	LIVE_EQUAL(fcntl(p[1], F_GETFL), O_WRONLY | O_NONBLOCK);
	LIVE_EQUAL(read(p[0], back, sizeof(back)), sizeof(back));
	LIVE_CHECK(!memcmp(buf, back, sizeof(buf)));
	LIVE_CHECK(read(p[0], back, 1) == -1 && errno == EAGAIN);
	LIVE_EQUAL(write(p[1], "x", 1), 1);
	close(p[1]);
	LIVE_EQUAL(read(p[0], back, 10), 1);
	LIVE_EQUAL(read(p[0], back, 10), 0);
	return 0;
}
