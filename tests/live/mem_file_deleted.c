/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings, private and shared, of a file that has no name any more. */
#include "live.h"

int main(void)
{
	enum { LEN = 10 * 4096 };
	int fd = live_file("gone", LEN, 'g');
	char *priv = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *shared = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	LIVE_CHECK(priv != MAP_FAILED && shared != MAP_FAILED);
	close(fd);
	LIVE_CHECK(!unlink("gone"));
	priv[3 * 4096] = 'p';
	shared[4 * 4096] = 's';
	live_ready();
	LIVE_EQUAL(priv[3 * 4096], 'p');
	LIVE_EQUAL(priv[0], 'g');
	LIVE_EQUAL(priv[LEN - 1], 'g');
	LIVE_EQUAL(shared[4 * 4096], 's');
	LIVE_EQUAL(shared[LEN - 1], 'g');
	LIVE_CHECK(access("gone", F_OK) == -1);
	return 0;
}
