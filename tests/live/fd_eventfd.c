/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd: count, semaphore mode, flags. */
#include "live.h"

#include <sys/eventfd.h>

int main(void)
{
	int e = eventfd(5, EFD_CLOEXEC | EFD_NONBLOCK), s = eventfd(3, EFD_SEMAPHORE);
	uint64_t v = 0;

	LIVE_CHECK(e >= 0 && s >= 0);
	live_ready();
	LIVE_CHECK(read(e, &v, 8) == 8 && v == 5);
	LIVE_CHECK(read(e, &v, 8) == -1 && errno == EAGAIN);
	LIVE_CHECK(read(s, &v, 8) == 8 && v == 1);
	LIVE_CHECK(read(s, &v, 8) == 8 && v == 1);
	v = 7;
	LIVE_CHECK(write(s, &v, 8) == 8);
	return 0;
}
