/* SPDX-License-Identifier: Apache-2.0 */
/* Hundreds of descriptors with holes between them, each at its number. */
#include "live.h"

enum { N = 900 };

int main(void)
{
	static int fds[N];
	int probe;

	for (int i = 0; i < N; i++) {
		fds[i] = i % 3 ? dup(fds[i - 1]) : open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		LIVE_CHECK(fds[i] >= 0);
		if (i % 3 == 0)
			lseek(fds[i], i, SEEK_SET);
	}
	for (int i = 0; i < N; i += 5)
		close(fds[i]);
	probe = dup(0); /* the first hole */
	close(probe);
	live_ready();
	for (int i = 0; i < N; i++)
		if (i % 5)
			LIVE_EQUAL(lseek(fds[i], 0, SEEK_CUR), i - i % 3);
		else
			LIVE_EQUAL(fcntl(fds[i], F_GETFD), -1);
	LIVE_EQUAL(dup(0), probe);
	return 0;
}
